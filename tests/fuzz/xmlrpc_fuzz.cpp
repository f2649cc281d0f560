// SPDX-License-Identifier: GPL-2.0-or-later
// Bodies of XML-RPC; see wire_fuzz.hpp.
#include "wire_fuzz.hpp"

using namespace xcp;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto request = [](const std::string& argument) {
    return "<methodCall><methodName>x</methodName><params><param>" + argument +
           "</param></params></methodCall>";
  };
  const auto parse = [](std::string_view body) { return xapi::rpc::parse_xmlrpc(body); };
  try {
    test::check_call(parse({reinterpret_cast<const char*>(data), size}), model::write_xml, request,
                     parse);
  } catch (const xapi::rpc::MalformedRequest&) {
    // Said to the client.
  }
  return 0;
}
