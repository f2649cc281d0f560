// SPDX-License-Identifier: GPL-2.0-or-later
// Writing results, and arguments that are values already.
#include "xapi/call.hpp"

#include "datamodel/codec.hpp"

namespace xcp::xapi {

model::Value ValueArguments::read(std::size_t index, const model::Type& type) const {
  return model::coerce(values_.at(index), type);
}

namespace {

void write_rows_json(std::string& out, const std::vector<db::RowPtr>& rows) {
  out += '{';
  bool first = true;
  for (const db::RowPtr& row : rows) {
    if (!first) out += ',';
    first = false;
    out += '"';
    out += row->ref;
    out += "\":";
    out += *row->json();
  }
  out += '}';
}

void write_rows_xml(std::string& out, const std::vector<db::RowPtr>& rows) {
  out += "<value><struct>";
  for (const db::RowPtr& row : rows) {
    out += "<member><name>";
    out += row->ref;
    out += "</name>";
    out += *row->xml();
    out += "</member>";
  }
  out += "</struct></value>";
}

std::size_t size_of_rows(const std::vector<db::RowPtr>& rows, Wire wire) {
  std::size_t size = 64;
  for (const db::RowPtr& row : rows)
    size += row->ref.size() + 48 + (wire == Wire::Json ? row->json() : row->xml())->size();
  return size;
}

}  // namespace

void Result::write(std::string& out, Wire wire) const {
  switch (shape) {
    case Shape::Plain:
      if (wire == Wire::Json)
        model::write_json(out, value, *type);
      else
        model::write_xml(out, value, *type);
      return;
    case Shape::Record:
      out += wire == Wire::Json ? *rows.front()->json() : *rows.front()->xml();
      return;
    case Shape::RecordMap:
      out.reserve(out.size() + size_of_rows(rows, wire) + 64);
      if (wire == Wire::Json)
        write_rows_json(out, rows);
      else
        write_rows_xml(out, rows);
      return;
    case Shape::Written:
      writer(out, wire);
      return;
  }
}

}  // namespace xcp::xapi
