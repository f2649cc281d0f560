// SPDX-License-Identifier: GPL-2.0-or-later
// The rows of the command line as the program sees them; tables/generate.py writes the instances.
// All tables are constant and live for the whole run.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace xcp::cli {

struct Run;
class World;
struct Object;
struct Shown;

// An argument of a call; see tables/language.py for what each kind means.
struct Expr {
  enum class Kind : std::uint8_t {
    Param,
    Map,
    Text,
    Null,
    EmptySet,
    Struct,
    Selected,
    Pool,
    LocalHost,
    OnlyHost,
    Call,
    File,
    Absent,
    Either,
    Result,
  };
  Kind kind;
  std::string_view text;  // a parameter's name, a constant, or the method of a call
  const Expr* first = nullptr;
  std::uint16_t count = 0;
  const std::string_view* keys = nullptr;  // Struct: one for each part

  std::span<const Expr> parts() const { return {first, count}; }
};

struct Conditional {
  std::string_view param;
  Expr call;
};

enum class Select : std::uint8_t { None, Vm, Host, Sr };

using Function = void (*)(Run&);

struct CommandRow {
  std::string_view name;
  std::string_view doc;
  std::span<const std::string_view> reqd;
  std::span<const std::string_view> optn;
  std::span<const std::string_view> also;  // accepted, not documented
  const Expr* call;                        // what it does, or
  Function function;  // the function that does it; both null: one of `when` must fit
  std::span<const Conditional> when;  // instead of `call` when the parameter is given and not false
  std::span<const Conditional> then;  // afterwards, when the parameter is given
  std::string_view guard_param;       // must be true; empty: none
  std::string_view guard_text;
  Select select;
  bool show;  // print the result
  bool standard;
  bool hidden;
  bool local;
  bool neverforward;
  bool templates;
  bool dom0;
  bool single;
  bool long_running;
  bool own_selection;  // help names the selectors, its own parameters say which object
  std::span<const std::string_view> deprecated;
};

enum class Access : std::uint8_t { RO, RW, SRO, SRW, MRO, MRW };

inline bool is_set(Access access) {
  return access == Access::SRO || access == Access::SRW;
}
inline bool is_map(Access access) {
  return access == Access::MRO || access == Access::MRW;
}

using SpecialField = Shown (*)(World&, const Object&);

struct FieldRow {
  enum class Source : std::uint8_t { Path, Call, Special };
  enum class Format : std::uint8_t { Plain, Lower, Upper };

  std::string_view name;
  Access access;
  Source source;
  std::span<const std::uint16_t> path;  // field numbers; all but the last lead to another object
  std::string_view method;
  SpecialField special;
  std::string_view set;  // messages; empty: none. set takes the whole value
  std::string_view add;  // one member, or one key of a map
  std::string_view remove;
  std::string_view put;    // one key of a map, replacing it
  std::string_view clear;  // takes an empty set or map
  bool expensive;
  bool hidden;
  bool deprecated;
  bool case_insensitive;
  bool map_as_whole;  // a key is changed by setting the whole map
  Format format;
  std::string_view separator;
};

struct Filter {
  std::string_view field;
  std::string_view value;
};

struct ClassRow {
  std::string_view name;  // as in <name>-list
  std::uint16_t class_index;
  std::string_view singular;
  std::string_view plural;
  std::span<const std::string_view> default_fields;  // empty: all
  std::span<const Filter> default_filters;
  std::span<const FieldRow> fields;
  bool has_set;
  bool has_add;
  bool has_remove;
  bool has_clear;
};

std::span<const ClassRow> class_rows();
std::span<const CommandRow> command_rows();  // sorted by name

// Null when there is none.
const ClassRow* find_class_row(std::string_view name);
const CommandRow* find_command_row(std::string_view name);
const FieldRow* find_field_row(const ClassRow& row, std::string_view name);

}  // namespace xcp::cli
