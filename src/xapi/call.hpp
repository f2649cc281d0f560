// SPDX-License-Identifier: GPL-2.0-or-later
// A call as it came in and what came of it, between the wire formats (rpc/) and the dispatcher.
// The arguments stay in the form they arrived in until the dispatcher knows their types.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/failure.hpp"
#include "datamodel/value.hpp"
#include "xapi/db/row.hpp"

namespace xcp::xapi {

class Arguments {
 public:
  virtual ~Arguments() = default;
  virtual std::size_t size() const = 0;
  // Throws INTERNAL_ERROR or INVALID_VALUE when argument `index` is not of that type.
  virtual model::Value read(std::size_t index, const model::Type& type) const = 0;
};

// Arguments made inside this process (the command line server, tests). Texts are accepted for
// enums, numbers and dates, maps for records.
class ValueArguments : public Arguments {
 public:
  explicit ValueArguments(std::vector<model::Value> values) : values_(std::move(values)) {}
  std::size_t size() const override { return values_.size(); }
  model::Value read(std::size_t index, const model::Type& type) const override;

 private:
  std::vector<model::Value> values_;
};

// Where a call came from; decides who it is when it names no session.
struct Caller {
  bool local_root = false;  // unix socket, peer is root or in the group
  std::string address;
  std::string originator;  // header "originator"
  std::string user_agent;
  std::function<bool()> gone;  // true when nobody waits for the answer any more; may be empty
};

struct Call {
  std::string method;
  std::shared_ptr<const Arguments> arguments;
  Caller caller;
};

enum class Wire { Json, Xml };

// An answer in parts, to be sent one after the other. Large rows are parts of their own, shared
// with the store instead of copied; small things are gathered into one part.
class Answer {
 public:
  using Parts = std::vector<std::shared_ptr<const std::string>>;

  // Where small things are appended.
  std::string& text() { return text_; }
  void add(const std::shared_ptr<const std::string>& kept);
  // What was written so far; nothing may be appended after it.
  Parts take();

 private:
  void flush();

  std::string text_;
  Parts parts_;
};

// What a successful call gives. Rows are written from their kept wire forms.
struct Result {
  enum class Shape { Plain, Record, RecordMap, Written };
  Shape shape = Shape::Plain;
  model::Value value;
  const model::Type* type = nullptr;
  std::vector<db::RowPtr> rows;
  std::function<void(std::string&, Wire)> writer;  // for Written
  std::string token;                               // of event.from, for callers inside the process

  void write(std::string& out, Wire wire) const;
  void write(Answer& out, Wire wire) const;
};

struct Outcome {
  std::optional<Failure> failure;
  Result result;
};

using Done = std::function<void(Outcome)>;

}  // namespace xcp::xapi
