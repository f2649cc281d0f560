// SPDX-License-Identifier: GPL-2.0-or-later
// What the targets of the wire formats share. A call that could be read is read once more as the
// method of the data model wants it and as every type of the data model. Checked besides not
// crashing: an argument is refused with a Failure or is a value that can be written, and what was
// written is read as the same value.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <string>

#include "datamodel/codec.hpp"
#include "datamodel/model.hpp"
#include "xapi/rpc/wire.hpp"

namespace xcp::test {

using Write = void (*)(std::string&, const model::Value&, const model::Type&);
// A request with this one argument, already written.
using Request = std::function<std::string(const std::string& argument)>;
using Parse = std::function<xapi::rpc::ParsedCall(const std::string& body)>;

inline const std::map<std::string_view, const model::Type*>& all_types() {
  static const auto types = [] {
    std::map<std::string_view, const model::Type*> all;
    for (const model::ClassDesc& one : model::classes())
      for (const model::FieldDesc& field : one.fields) all.emplace(field.type->text, field.type);
    return all;
  }();
  return types;
}

inline void check_argument(const xapi::Arguments& arguments, std::size_t index,
                           const model::Type& type, Write write, const Request& request,
                           const Parse& parse) {
  model::Value value;
  try {
    value = arguments.read(index, type);
  } catch (const Failure&) {
    return;
  }
  std::string written, again;
  if (value.is_void()) return;  // an option that is not there has no form
  write(written, value, type);
  // Written with 16 digits, which is one too few, and with bare words that are no JSON.
  if (type.text.find("float") != std::string_view::npos) return;
  try {
    write(again, parse(request(written)).arguments->read(0, type), type);
  } catch (const std::exception& error) {
    again = error.what();
  }
  if (again == written) return;
  std::fprintf(stderr, "%s: written as\n%s\nwhich is read as\n%s\n", std::string(type.text).c_str(),
               written.c_str(), again.c_str());
  std::abort();
}

inline void check_call(const xapi::rpc::ParsedCall& call, Write write, const Request& request,
                       const Parse& parse) {
  constexpr std::size_t enough = 4;
  const std::size_t count = std::min(call.arguments->size(), enough);
  for (std::size_t i = 0; i < count; ++i)
    for (const auto& [text, type] : all_types())
      check_argument(*call.arguments, i, *type, write, request, parse);
  const model::MessageDesc* message = model::find_message(call.method);
  if (message == nullptr) return;
  for (std::size_t i = 0; i < count && i < message->params.size(); ++i)
    check_argument(*call.arguments, i, *message->params[i].type, write, request, parse);
}

}  // namespace xcp::test
