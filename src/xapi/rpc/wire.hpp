// SPDX-License-Identifier: GPL-2.0-or-later
// Bytes to calls and outcomes to bytes, for XML-RPC and JSON-RPC 1.0 and 2.0. Pure: no state, no
// input or output; any thread. A body that cannot be read throws MalformedRequest, which HTTP
// answers with status 500.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

#include "xapi/call.hpp"

namespace xcp::xapi::rpc {

class MalformedRequest : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct ParsedCall {
  std::string method;
  std::shared_ptr<const Arguments> arguments;
};

// Limits for what comes from outside: nesting of values.
inline constexpr int depth_limit = 64;

ParsedCall parse_xmlrpc(std::string_view body);
Answer::Parts xmlrpc_reply(const Outcome& outcome);
// system.listMethods answers without the Status/Value envelope.
Answer::Parts xmlrpc_bare_reply(const Outcome& outcome);

struct JsonCall {
  ParsedCall call;
  bool version2 = false;
  std::string id_json;  // the id as it came, as JSON text
};

JsonCall parse_jsonrpc(std::string_view body);
Answer::Parts jsonrpc_reply(const JsonCall& call, const Outcome& outcome);

}  // namespace xcp::xapi::rpc
