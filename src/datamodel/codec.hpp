// SPDX-License-Identifier: GPL-2.0-or-later
// Values to and from the two wire forms of XenAPI, told by their Type. Writing appends to a string
// and cannot fail. Reading is strict about the type; what the facts of the protocol allow in more
// than one spelling (an integer as text, a date with hyphens) is accepted. Every text that comes
// in must be UTF-8. A value that does not fit throws FIELD_TYPE_ERROR-like Failures:
// INTERNAL_ERROR for a wrong type, INVALID_VALUE for a bad enum, date or text.
#pragma once

#include <string>
#include <string_view>

#include "datamodel/value.hpp"

namespace boost::json {
class value;
}
namespace pugi {
class xml_node;
}

namespace xcp::model {

// One field of a record is left out when it is internal or an absent option.
void write_json(std::string& out, const Value& value, const Type& type);
void write_xml(std::string& out, const Value& value, const Type& type);  // one <value> element

Value read_json(const boost::json::value& in, const Type& type);
Value read_xml(const pugi::xml_node& value, const Type& type);  // `value` is a <value> element

// A value of another kind made fit: texts for enums, numbers, booleans and dates, maps with text
// keys for records. A value that fits already comes back unchanged.
Value coerce(const Value& in, const Type& type);

// JSON text to value; throws INTERNAL_ERROR on malformed text.
Value value_from_json_text(std::string_view text, const Type& type);
std::string value_to_json_text(const Value& value, const Type& type);

// Building blocks of the writers.
void write_json_string(std::string& out, std::string_view text);
void write_xml_text(std::string& out, std::string_view text);

// Valid UTF-8 without surrogates or overlong forms (NUL is allowed by JSON, refused here).
bool is_utf8(std::string_view text);

std::string format_datetime(DateTime time);
std::optional<DateTime> parse_datetime(std::string_view text);

}  // namespace xcp::model
