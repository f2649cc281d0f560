// SPDX-License-Identifier: GPL-2.0-or-later
// One stored object, immutable once published. Derived sets (VM.VBDs) are filled in by the commit
// that changed them and are never written to disk. The wire forms of a row are made on first use
// and kept with it, so that get_all_records of an unchanged class is a copy of bytes.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "datamodel/value.hpp"

namespace xcp::db {

struct Row {
  std::string ref;
  std::uint16_t class_index = 0;
  std::uint64_t created = 0;  // generations
  std::uint64_t modified = 0;
  std::vector<model::Value> fields;  // one a FieldDesc
  // Stored members this program does not know (written by a newer one); kept for its return.
  std::shared_ptr<const std::string> unknown_json;

  Row() = default;
  Row(const Row& other);  // without the kept wire forms
  Row& operator=(const Row&) = delete;

  const model::ClassDesc& desc() const { return model::classes()[class_index]; }

  template <class C, class T>
  T get(model::Field<C, T> field) const {
    return model::from_value<T>(fields[field.index]);
  }

  // The record as a JSON object / an XML-RPC <value>.
  std::string_view json() const;
  std::string_view xml() const;

  // As it stands in a map by reference: `,"<ref>":{...}` /
  // `<member><name><ref></name>...</member>`.
  std::shared_ptr<const std::string> json_entry() const;
  std::shared_ptr<const std::string> xml_entry() const;

 private:
  mutable std::once_flag json_once_;
  mutable std::once_flag xml_once_;
  mutable std::shared_ptr<const std::string> json_;
  mutable std::shared_ptr<const std::string> xml_;
};

using RowPtr = std::shared_ptr<const Row>;

// A row seen as an object of class C.
template <class C>
class Object {
 public:
  explicit Object(RowPtr row) : row_(std::move(row)) {}

  Ref<C> ref() const { return Ref<C>(row_->ref); }
  const RowPtr& row() const { return row_; }

  template <class T>
  T get(model::Field<C, T> field) const {
    return row_->get(field);
  }
  template <class T>
  T operator[](model::Field<C, T> field) const {
    return row_->get(field);
  }

 private:
  RowPtr row_;
};

}  // namespace xcp::db
