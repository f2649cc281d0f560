// SPDX-License-Identifier: GPL-2.0-or-later
// Writing results, and arguments that are values already.
#include "xapi/call.hpp"

#include "datamodel/codec.hpp"

namespace xcp::xapi {

model::Value ValueArguments::read(std::size_t index, const model::Type& type) const {
  return model::coerce(values_.at(index), type);
}

namespace {

// Below this, an entry of its own in a list of parts costs more than copying.
constexpr std::size_t worth_sharing_bytes = 1024;

void write_rows_json(Answer& out, const std::vector<db::RowPtr>& rows) {
  out.text() += '{';
  for (const db::RowPtr& row : rows) {
    if (row == rows.front())
      out.text() += row->json_entry()->substr(1);  // without its comma
    else
      out.add(row->json_entry());
  }
  out.text() += '}';
}

void write_rows_xml(Answer& out, const std::vector<db::RowPtr>& rows) {
  out.text() += "<value><struct>";
  for (const db::RowPtr& row : rows) out.add(row->xml_entry());
  out.text() += "</struct></value>";
}

}  // namespace

void Answer::add(const std::shared_ptr<const std::string>& kept) {
  if (kept->size() < worth_sharing_bytes) {
    text_ += *kept;
    return;
  }
  flush();
  parts_.push_back(kept);
}

Answer::Parts Answer::take() {
  flush();
  return std::move(parts_);
}

void Answer::flush() {
  if (text_.empty()) return;
  parts_.push_back(std::make_shared<const std::string>(std::move(text_)));
  text_.clear();
}

void Result::write(Answer& out, Wire wire) const {
  switch (shape) {
    case Shape::Plain:
      if (wire == Wire::Json)
        model::write_json(out.text(), value, *type);
      else
        model::write_xml(out.text(), value, *type);
      return;
    case Shape::Record:
      out.text() += wire == Wire::Json ? rows.front()->json() : rows.front()->xml();
      return;
    case Shape::RecordMap:
      if (wire == Wire::Json)
        write_rows_json(out, rows);
      else
        write_rows_xml(out, rows);
      return;
    case Shape::Written:
      writer(out.text(), wire);
      return;
  }
}

void Result::write(std::string& out, Wire wire) const {
  Answer answer;
  write(answer, wire);
  for (const auto& part : answer.take()) out += *part;
}

}  // namespace xcp::xapi
