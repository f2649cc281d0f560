// SPDX-License-Identifier: GPL-2.0-or-later
// Places of devices in a VM: VBD.userdevice and VIF.device are numbers in decimal.
#pragma once

#include <set>

#include "base/plan.hpp"
#include "xapi/context.hpp"

namespace xcp::xapi {

inline constexpr int disk_places = 16;  // offered; a hypervisor may take more
inline constexpr int nic_places = 7;
inline constexpr int highest_device = 255;

// "3", "hdd", "sdd" and "xvdd" all name the place "3". INVALID_DEVICE [text] for anything else.
std::string device_number(const std::string& text);

// The first of `places` that is not taken; INVALID_DEVICE ["autodetect"] when all are.
std::string free_device(const std::set<std::string>& taken, int places);
std::vector<std::string> free_devices(const std::set<std::string>& taken, int places);

// Devices can be added to and taken from a VM that is halted, or up and not in an operation; a
// suspended guest must find what it had.
void check_devices_may_change(const db::Object<model::VM>& vm);

// Runs a plan that changed the devices of a running VM and records what the VM has then. `more` is
// part of the same commit.
void run_device_plan(Context& context, const Ref<model::VM>& vm, Plan plan,
                     const std::function<void(db::Transaction&)>& more = {});

}  // namespace xcp::xapi
