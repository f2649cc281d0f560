// SPDX-License-Identifier: GPL-2.0-or-later
// The shape of the XenAPI data model as the program sees it: descriptor structs whose
// instances the generator writes (model.gen.cpp). All tables are constant and live for the
// whole run; every string_view and span points into static storage. Any thread may read them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace xcp::model {

enum class Kind : std::uint8_t {
  Void,
  String,
  Int,  // 64 bit
  Float,
  Bool,
  DateTime,  // seconds since 1970, UTC
  Secret,    // a string that never appears in logs
  Enum,
  Ref,
  Record,
  Set,
  Map,
  Option,
  Any,  // the pseudo type of an event's snapshot: a record whose class the value names
};

struct EnumDesc {
  std::string_view name;
  std::span<const std::string_view> values;  // the wire spellings, in declared order
  std::span<const std::string_view> docs;    // one sentence for each value
  std::string_view doc;
};

struct ClassDesc;

struct Type {
  Kind kind;
  const EnumDesc* enumeration = nullptr;  // Enum
  std::uint16_t class_index = 0;          // Ref and Record: index into classes()
  const Type* element = nullptr;          // Set and Option: member; Map: value
  const Type* key = nullptr;              // Map
  std::string_view text = {};             // as the reference spells it: "VM ref set"
};

// A set of roles; bit n is role_names()[n]. Zero: local root and the pool secret only.
using RoleMask = std::uint8_t;

enum class Qualifier : std::uint8_t {
  ReadWrite,
  StaticReadOnly /* RO/constructor */,
  DynamicReadOnly /* RO/runtime */
};
enum class Lifecycle : std::uint8_t { Prototyped, Published, Deprecated, Removed };

struct MapKeyRole {
  std::string_view key;  // may end in '*'
  RoleMask roles;
};

// Where a derived Set(Ref) comes from: the objects of class `class_index` whose field
// `field_index` holds (or, when that field is a set, contains) the owner's ref.
struct BackReference {
  std::uint16_t class_index;
  std::uint16_t field_index;
};

struct FieldDesc {
  std::string_view name;  // wire name, namespaces joined by '_'
  const Type* type;
  Qualifier qualifier;
  std::optional<std::string_view>
      default_json;                      // absent: mandatory in the constructor or set by us
  bool persistent;                       // false: kept in memory only
  bool internal;                         // never on the wire
  std::optional<BackReference> derived;  // computed, never stored
  RoleMask read_roles;
  RoleMask write_roles;
  std::span<const MapKeyRole> map_key_roles;
  Lifecycle state;
  std::string_view since;
  std::string_view doc;
  std::string_view column;  // the name in get_all_records_where: namespaces joined by "__"
};

// What a message does when no hand-written handler is needed.
enum class Accessor : std::uint8_t {
  None,  // explicit message
  Get,
  Set,
  Add,         // add_<field>: one member of a set
  Remove,      // remove_<field>
  AddTo,       // add_to_<field>: one key of a map
  RemoveFrom,  // remove_from_<field>
  GetRecord,
  GetByUuid,
  GetByNameLabel,
  GetAll,
  GetAllWhere,
  GetAllRecords,
  GetAllRecordsWhere,
  Create,
  Destroy,
};

struct ParamDesc {
  std::string_view name;
  const Type* type;
  std::optional<std::string_view> default_json;
  std::string_view doc;
};

struct MessageDesc {
  std::string_view name;
  std::uint16_t class_index;
  std::span<const ParamDesc> params;  // without the session
  bool needs_session;
  const Type* result;
  std::string_view result_doc;
  Accessor accessor;
  std::uint16_t field_index;  // for Get .. RemoveFrom
  RoleMask roles;
  std::span<const MapKeyRole> map_key_roles;
  std::span<const std::string_view> errors;
  bool async;
  bool hidden;         // callable, absent from the public documentation
  bool pool_internal;  // pool-secret sessions only
  bool secret;         // arguments are never logged
  bool handled;        // false: answers NOT_IMPLEMENTED
  Lifecycle state;
  std::string_view since;
  std::string_view doc;
  bool emergency;  // answered even by a host that cannot reach its coordinator
};

struct ClassDesc {
  std::string_view name;
  std::span<const FieldDesc> fields;
  std::span<const MessageDesc> messages;
  bool in_database;  // false: objects exist only as values (event, probe_result, ...)
  bool persistent;   // false: objects are lost at restart
  bool events;       // changes are published
  std::optional<std::uint16_t> uuid_field;
  std::optional<std::uint16_t> name_label_field;
  Lifecycle state;  // Removed: no fields, and only the names of messages
  std::string_view since;
  std::string_view doc;
  bool task_per_call;  // false: its calls make no task object
};

struct ErrorDesc {
  std::string_view code;
  std::span<const std::string_view> params;
  std::string_view doc;
  bool open_params;  // the parameters are not declared; any number may come
};

// The name of a message object that reports an event. A name that ends in "<which>" stands for
// all names with that beginning.
struct AlertDesc {
  std::string_view name;
  std::uint8_t priority;  // 1: data may be lost ... 5: information
  std::string_view doc;
};

struct RoleDesc {
  std::string_view name;
  std::string_view uuid;  // the same on every host
  std::string_view ref;   // "OpaqueRef:" and the uuid
  bool internal;          // can never be given to a subject
  std::string_view doc;
};

// A permission that widens what a message does for some callers.
struct PermissionDesc {
  std::string_view name;
  RoleMask roles;
};

std::span<const ClassDesc> classes();
std::span<const ErrorDesc> errors();
std::span<const EnumDesc> enums();
std::span<const AlertDesc> alerts();
std::span<const std::string_view> role_names();  // most powerful first
std::span<const RoleDesc> roles();               // same order
std::span<const PermissionDesc> extra_permissions();
RoleMask role_mask_all();

// XenAPI version (2.23) and the schema version of stored objects.
struct Version {
  int major;
  int minor;
};
Version api_version();
Version schema_version();

// Lookups by wire name; null or empty when there is none. Class names are matched without case.
const ClassDesc* find_class(std::string_view name);
// "VM.start" or "VM_start"; null when there is no such message (removed ones are found).
const MessageDesc* find_message(std::string_view method);
const FieldDesc* find_field(const ClassDesc&, std::string_view name);
std::optional<std::uint16_t> field_index(const ClassDesc&, std::string_view name);
std::optional<std::uint16_t> enum_index(const EnumDesc&, std::string_view value);
const ErrorDesc* find_error(std::string_view code);

inline std::uint16_t class_index(const ClassDesc& c) {
  return static_cast<std::uint16_t>(&c - classes().data());
}

}  // namespace xcp::model
