// SPDX-License-Identifier: GPL-2.0-or-later
// See nic_watch.hpp.
#include "ovs-integration/host/nic_watch.hpp"

#include "base/describe.hpp"

namespace xcp::network {

std::map<std::string, std::string> nic_texts(std::vector<NicInfo> nics) {
  std::map<std::string, std::string> texts;
  for (const NicInfo& nic : nics) texts[nic.device] = json_text(to_json(nic));
  return texts;
}

std::vector<std::string> changed_keys(const std::map<std::string, std::string>& before,
                                      const std::map<std::string, std::string>& after) {
  std::vector<std::string> changed;
  for (const auto& [key, text] : before) {
    const auto found = after.find(key);
    if (found == after.end() || found->second != text) changed.push_back(key);
  }
  for (const auto& [key, text] : after)
    if (!before.contains(key)) changed.push_back(key);
  return changed;
}

void NicWatch::start(std::function<void(const std::string& device)> changed) {
  // Held until the first look is done: what changes from now on is compared with it.
  std::lock_guard lock(mutex_);
  changed_ = std::move(changed);
  watch_ = std::make_unique<LinkWatch>([this](bool lost) { compare(lost); });
  known_ = nic_texts(scan_.nics());
}

void NicWatch::compare(bool lost) {
  std::vector<std::string> changed;
  {
    std::lock_guard lock(mutex_);
    auto now = nic_texts(scan_.nics());
    changed = changed_keys(known_, now);
    known_ = std::move(now);
  }
  if (lost) changed_("");
  for (const std::string& device : changed) changed_(device);
}

}  // namespace xcp::network
