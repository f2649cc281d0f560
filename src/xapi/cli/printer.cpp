// SPDX-License-Identifier: GPL-2.0-or-later
// Output formats; see printer.hpp.
#include "xapi/cli/printer.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "xapi/cli/api.hpp"

namespace xcp::cli {

std::string format_record(const Record& record) {
  std::size_t width = 0;
  for (const auto& [label, value] : record) width = std::max(width, label.size());
  width += 4;
  std::string text;
  for (const auto& [label, value] : record) {
    // Only the first label of a record starts at the margin.
    text += text.empty() ? fmt::format("{:<{}}: {}\n", label, width, value)
                         : fmt::format("{:>{}}: {}\n", label, width, value);
  }
  return text;
}

std::string format_minimal(const std::vector<std::string>& items) {
  std::string text;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (i > 0) text += ',';
    for (const char c : items[i]) {
      if (c == ',' || c == '\\') text += '\\';
      text += c;
    }
  }
  return text;
}

void Printer::keep(const std::vector<std::string>& items) {
  if (!items.empty()) kept_.push_back(format_minimal(items));
}

void Printer::table(const std::vector<Record>& records) {
  if (minimal_) {
    std::vector<std::string> firsts;
    for (const auto& record : records) {
      if (!record.empty()) firsts.push_back(record.front().second);
    }
    return keep(firsts);
  }
  for (const auto& record : records) terminal_.print(format_record(record) + "\n");
}

void Printer::list(const std::vector<std::string>& items) {
  if (minimal_) return keep(items);
  for (const auto& item : items) terminal_.print(item);
}

void Printer::message(std::string_view text) {
  if (!minimal_) terminal_.print(text);
}

void Printer::finish() {
  if (!minimal_) return;
  // The latest table comes first, which scripts have come to expect.
  std::string text;
  for (auto part = kept_.rbegin(); part != kept_.rend(); ++part) {
    if (part != kept_.rbegin()) text += ',';
    text += *part;
  }
  terminal_.print(text);
}

}  // namespace xcp::cli
