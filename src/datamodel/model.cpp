// SPDX-License-Identifier: GPL-2.0-or-later
// Lookups in the generated tables. The indexes are open-addressing hash tables over the constant
// rows, made once at first use; a lookup allocates nothing and may run in any thread.
#include "datamodel/model.hpp"

#include <array>
#include <cstddef>
#include <vector>

namespace xcp::model {
namespace {

constexpr char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

// '.' and '_' are the same to the hash, so that "VM.start" and "VM_start" meet.
constexpr char folded(char c) {
  return c == '.' ? '_' : lower(c);
}

constexpr std::uint32_t hash_start = 2166136261u;

// FNV-1a over the folded characters; `seed` lets a text be hashed in pieces.
constexpr std::uint32_t hash(std::string_view text, std::uint32_t seed = hash_start) {
  for (const char c : text) seed = (seed ^ static_cast<unsigned char>(folded(c))) * 16777619u;
  return seed;
}

bool equal_without_case(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (lower(a[i]) != lower(b[i])) return false;
  return true;
}

// Row pointers by hash, linear probing, at most half full.
template <class Row>
class Index {
 public:
  explicit Index(std::size_t rows) {
    std::size_t slots = 16;
    while (slots < rows * 2) slots *= 2;
    slots_.resize(slots, nullptr);
  }

  void add(std::uint32_t h, const Row* row) {
    std::size_t at = h & (slots_.size() - 1);
    while (slots_[at]) at = (at + 1) & (slots_.size() - 1);
    slots_[at] = row;
  }

  template <class Matches>
  const Row* find(std::uint32_t h, Matches matches) const {
    for (std::size_t at = h & (slots_.size() - 1); slots_[at]; at = (at + 1) & (slots_.size() - 1))
      if (matches(*slots_[at])) return slots_[at];
    return nullptr;
  }

 private:
  std::vector<const Row*> slots_;
};

std::uint32_t method_hash(const ClassDesc& owner, const MessageDesc& message) {
  return hash(message.name, hash("_", hash(owner.name)));
}

const Index<MessageDesc>& message_index() {
  static const Index<MessageDesc> index = [] {
    std::size_t rows = 0;
    for (const ClassDesc& c : classes()) rows += c.messages.size();
    Index<MessageDesc> made(rows);
    for (const ClassDesc& c : classes())
      for (const MessageDesc& m : c.messages) made.add(method_hash(c, m), &m);
    return made;
  }();
  return index;
}

std::uint32_t field_hash(const ClassDesc& owner, std::string_view name) {
  return hash(name, hash_start ^ (class_index(owner) * 2654435761u));
}

const Index<FieldDesc>& field_lookup() {
  static const Index<FieldDesc> index = [] {
    std::size_t rows = 0;
    for (const ClassDesc& c : classes()) rows += c.fields.size();
    Index<FieldDesc> made(rows);
    for (const ClassDesc& c : classes())
      for (const FieldDesc& f : c.fields) made.add(field_hash(c, f.name), &f);
    return made;
  }();
  return index;
}

const Index<ClassDesc>& class_lookup() {
  static const Index<ClassDesc> index = [] {
    Index<ClassDesc> made(classes().size());
    for (const ClassDesc& c : classes()) made.add(hash(c.name), &c);
    return made;
  }();
  return index;
}

const Index<ErrorDesc>& error_lookup() {
  static const Index<ErrorDesc> index = [] {
    Index<ErrorDesc> made(errors().size());
    for (const ErrorDesc& e : errors()) made.add(hash(e.code), &e);
    return made;
  }();
  return index;
}

// "VM.start" or "vm_start" names VM.start: the class without case, the message exactly.
bool names(std::string_view method, const MessageDesc& message) {
  const std::string_view owner = classes()[message.class_index].name;
  if (method.size() != owner.size() + 1 + message.name.size()) return false;
  const char separator = method[owner.size()];
  return (separator == '.' || separator == '_') &&
         method.substr(owner.size() + 1) == message.name &&
         equal_without_case(method.substr(0, owner.size()), owner);
}

}  // namespace

const ClassDesc* find_class(std::string_view name) {
  return class_lookup().find(
      hash(name), [name](const ClassDesc& c) { return equal_without_case(c.name, name); });
}

const MessageDesc* find_message(std::string_view method) {
  return message_index().find(hash(method),
                              [method](const MessageDesc& m) { return names(method, m); });
}

const FieldDesc* find_field(const ClassDesc& owner, std::string_view name) {
  if (owner.fields.empty()) return nullptr;
  const FieldDesc* first = owner.fields.data();
  const FieldDesc* last = first + owner.fields.size();
  return field_lookup().find(field_hash(owner, name), [=](const FieldDesc& f) {
    return &f >= first && &f < last && f.name == name;
  });
}

std::optional<std::uint16_t> field_index(const ClassDesc& owner, std::string_view name) {
  const FieldDesc* field = find_field(owner, name);
  if (!field) return std::nullopt;
  return static_cast<std::uint16_t>(field - owner.fields.data());
}

std::optional<std::uint16_t> enum_index(const EnumDesc& enumeration, std::string_view value) {
  for (std::size_t i = 0; i < enumeration.values.size(); ++i)
    if (enumeration.values[i] == value) return static_cast<std::uint16_t>(i);
  return std::nullopt;
}

const ErrorDesc* find_error(std::string_view code) {
  return error_lookup().find(hash(code), [code](const ErrorDesc& e) { return e.code == code; });
}

}  // namespace xcp::model
