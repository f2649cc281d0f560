// SPDX-License-Identifier: GPL-2.0-or-later
// The parts of read_domain, one file each.
#pragma once

#include "xl/cfg/read_domain.hpp"

namespace xcp::xl::cfg {

void read_create_info(Domain& domain, Reader& reader, const XlConf& conf);
void read_build_info(Domain& domain, Reader& reader, const HostCpus& host, const XlConf& conf);
void read_sizes(BuildInfo& info, Reader& reader, const HostCpus& host);
void read_hvm(BuildInfo& info, Reader& reader);
void read_graphics(Vnc& vnc, Sdl& sdl, Reader& reader);
void read_devices(Domain& domain, Reader& reader, const XlConf& conf, Warnings& warnings);

}  // namespace xcp::xl::cfg
