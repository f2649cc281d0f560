// SPDX-License-Identifier: GPL-2.0-or-later
// Fuzzes what a guest's agent answers: one text for all four questions. Whatever comes, nothing
// throws, sizes stay bounded, and only NICs that the guest has are named.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "hypervisor/libvirt/agent_replies.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace xcp::hypervisor;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const GuestFacts facts =
      libvirt::read_agent({text, text, text, text}, {{"52:54:00:00:00:01", "0"}});
  std::size_t total = facts.agent_version.size();
  for (const auto* map : {&facts.os_version, &facts.networks, &facts.other})
    for (const auto& [key, value] : *map) total += key.size() + value.size();
  if (!facts.agent_alive || total > libvirt::guest_text_limit + 1024) std::abort();
  for (const auto& [key, value] : facts.networks)
    if (!key.starts_with("0/") || value.empty()) std::abort();
  return 0;
}
