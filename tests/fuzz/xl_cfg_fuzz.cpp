// SPDX-License-Identifier: GPL-2.0-or-later
// A configuration file: read whole, down to the JSON and the hypervisor's view of it. A file that
// is refused says so in a Failure and nothing else.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/failure.hpp"
#include "xl/cfg/domain_json.hpp"
#include "xl/cfg/read_domain.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace xcp::xl::cfg;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    Config config;
    config.add("fuzz", text);
    Warnings warnings;
    const Domain domain = read_domain(config, HostCpus{8, {}, 1}, XlConf{}, warnings);
    const std::string json = json_of(domain);
    if (json.empty() || json.front() != '{' || json.back() != '}') std::abort();
    for (const std::string& warning : warnings)
      if (warning.empty()) std::abort();
  } catch (const xcp::Failure& failure) {
    if (failure.params().size() != 2 || failure.params()[0].empty()) std::abort();
  }
  return 0;
}
