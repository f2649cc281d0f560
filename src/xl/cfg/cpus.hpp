// SPDX-License-Identifier: GPL-2.0-or-later
// Lists of CPUs: "all", N, N-M, node:N, nodes:N-M, each with ^ to take away, separated by commas.
// Pure. Numbers are bounded by the host's CPUs; what lies beyond is left out.
#pragma once

#include <string>
#include <vector>

#include "xl/cfg/domain.hpp"

namespace xcp::xl::cfg {

// What of the host the reading of a configuration depends on.
struct HostCpus {
  std::int64_t cpus = 1;
  std::vector<std::int64_t> node_of;  // a CPU's NUMA node; empty: all are node 0
  std::int64_t nodes = 1;
};

// Throws a refusal for what is no such list, and for an empty result.
Bits parse_cpus(const std::string& text, const HostCpus& host, const char* what);

// "N" or "N-M", from 0; nullopt when the text is neither.
struct Span {
  std::int64_t first = 0, last = 0;
};
std::optional<Span> span_of(const std::string& text);

}  // namespace xcp::xl::cfg
