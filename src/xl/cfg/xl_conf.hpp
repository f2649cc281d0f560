// SPDX-License-Identifier: GPL-2.0-or-later
// The host-wide settings of xl, /etc/xen/xl.conf: same syntax as xl.cfg. Unknown names are
// warnings.
#pragma once

#include <string>

#include "xl/cfg/domain.hpp"
#include "xl/cfg/reader.hpp"

namespace xcp::xl::cfg {

struct XlConf {
  std::string autoballoon = "auto";  // on, off, auto
  bool run_hotplug_scripts = true;
  std::string lockfile = "/run/lock/xl";
  Text vif_script, vif_bridge, vif_gatewaydev, vif_backend;
  bool output_sxp = false;
  Text blkdev_start;
  bool claim_mode = true;
  Text remus_netbufscript, colo_proxyscript;
  Number max_grant_frames, max_maptrack_frames, max_grant_version;
  Text vm_cpumask, vm_hvm_cpumask, vm_pv_cpumask;
  std::string domid_policy = "xen";  // xen, random
  Flag bootloader_restrict;
};

// Throws a refusal when the text is not in the syntax or has a wrong word.
XlConf read_xl_conf(const std::string& file_name, const std::string& text, Warnings& warnings);

}  // namespace xcp::xl::cfg
