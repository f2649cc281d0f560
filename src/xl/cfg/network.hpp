// SPDX-License-Identifier: GPL-2.0-or-later
// The syntax of one network interface: `key=value` and flags, separated by commas. Pure.
#pragma once

#include <span>
#include <string>

#include "xl/cfg/domain.hpp"
#include "xl/cfg/reader.hpp"

namespace xcp::xl::cfg {

// The settings of COLO that a NIC takes and the JSON shows, in the JSON's order.
std::span<const char* const> colo_keys();

// One component, as `xl network-attach` gets each as an argument of its own. False when it is
// nothing a NIC has, or has a value that cannot be read. Throws a refusal for a rate or a number
// that is none. Deprecated and useless keys are mentioned in `warnings`.
bool set_nic(Nic& nic, const std::string& component, Warnings& warnings);

// A whole specification. An unknown component is a warning, as in every xl. `place` is its position
// in the list and its devid unless it has its own.
Nic parse_nic(const std::string& text, std::int64_t place, Warnings& warnings);

// "RATE/s[@INTERVAL]": bytes an interval, and the interval in microseconds.
void parse_rate(const std::string& text, std::int64_t& bytes, std::int64_t& interval_usecs);

}  // namespace xcp::xl::cfg
