// SPDX-License-Identifier: GPL-2.0-or-later
// Keys of VM.platform and VBD.qos_algorithm_params; what cannot be read counts as not given.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace xcp::hypervisor {

// "true" or "1".
bool is_true(const std::map<std::string, std::string>& map, const char* key);
std::int64_t integer_or(const std::map<std::string, std::string>& map, const char* key,
                        std::int64_t otherwise);

}  // namespace xcp::hypervisor
