// SPDX-License-Identifier: GPL-2.0-or-later
// Bodies of JSON-RPC, both versions; see wire_fuzz.hpp. A reply to what was asked is JSON again.
#include "base/describe.hpp"
#include "wire_fuzz.hpp"

using namespace xcp;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto request = [](const std::string& argument) {
    return R"({"method":"x","id":1,"params":[)" + argument + "]}";
  };
  const auto parse = [](std::string_view body) { return xapi::rpc::parse_jsonrpc(body).call; };
  try {
    const auto call = xapi::rpc::parse_jsonrpc({reinterpret_cast<const char*>(data), size});
    test::check_call(call.call, model::write_json, request, parse);
    std::string reply;
    for (const auto& part : xapi::rpc::jsonrpc_reply(call, {Failure("X", {call.call.method}), {}}))
      reply += *part;
    parse_json(reply);  // throws for what is none
  } catch (const xapi::rpc::MalformedRequest&) {
    // Said to the client.
  }
  return 0;
}
