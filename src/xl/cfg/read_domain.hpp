// SPDX-License-Identifier: GPL-2.0-or-later
// A Config read into a Domain. Depends on the host's CPUs and on xl.conf, which are arguments;
// never asks the host itself. Random only where the file leaves it to us: uuid, generation number.
#pragma once

#include "xl/cfg/cpus.hpp"
#include "xl/cfg/domain.hpp"
#include "xl/cfg/reader.hpp"
#include "xl/cfg/xl_conf.hpp"

namespace xcp::xl::cfg {

// Throws a refusal for a wrong value. What is unknown, deprecated, or of the wrong type is a
// warning.
Domain read_domain(const Config& config, const HostCpus& host, const XlConf& conf,
                   Warnings& warnings);

// Keys that are not in the table of keys, each with the name that was meant perhaps, and keys that
// only a later Xen knows.
void check_names(const Config& config, Warnings& warnings);

std::string random_uuid();

}  // namespace xcp::xl::cfg
