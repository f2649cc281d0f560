// SPDX-License-Identifier: GPL-2.0-or-later
// The syntax of one disk: positional parameters (target, format, vdev, access), `key=value`, flags,
// and the deprecated prefixes. Pure. `target=` takes all that follows it, commas and blanks too.
#pragma once

#include <string>

#include "xl/cfg/domain.hpp"

namespace xcp::xl::cfg {

// Throws a refusal that names the parameter and the whole text.
Disk parse_disk(const std::string& text);

// The position of a virtual device on its bus: hda, sda, xvda and 0 are 0, hdc is 2; nullopt when
// it is none (a partition, or not a device's name).
std::optional<int> position_of(const std::string& vdev);

}  // namespace xcp::xl::cfg
