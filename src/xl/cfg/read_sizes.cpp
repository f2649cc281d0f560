// SPDX-License-Identifier: GPL-2.0-or-later
// Memory, virtual CPUs, their placement, and virtual NUMA nodes; see read_parts.hpp.
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "xl/cfg/components.hpp"
#include "xl/cfg/read_parts.hpp"
#include "xl/refusal.hpp"

namespace xcp::xl::cfg {

namespace {

constexpr std::int64_t most_vcpus = 4096;

Number kibibytes(Reader& reader, const char* name) {
  const auto mebibytes = reader.number(name);
  if (!mebibytes) return std::nullopt;
  if (*mebibytes < 0 || *mebibytes > std::numeric_limits<std::int64_t>::max() / 1024)
    throw refusal(fmt::format("{}: `{}' cannot be {} MiB", reader.at(name), name, *mebibytes));
  return *mebibytes * 1024;
}

std::int64_t vcpu_count(Reader& reader, const char* name) {
  const std::int64_t count = reader.number(name).value_or(0);
  if (count < 0 || count > most_vcpus)
    throw refusal(fmt::format("{}: `{}' is a number of vCPUs up to {}, not {}", reader.at(name),
                              name, most_vcpus, count));
  return count;
}

Bits first_bits(std::int64_t count) {
  Bits bits(static_cast<std::size_t>(count));
  std::iota(bits.begin(), bits.end(), 0);
  return bits;
}

void read_affinity(std::vector<Bits>& affinity, Flag& numa_placement, bool placement_with_text,
                   std::int64_t vcpus, Reader& reader, const HostCpus& host, const char* name) {
  if (!reader.has(name)) return;
  if (reader.list(name, true)) {
    for (const std::string& cpus : reader.texts(name)) {
      if (static_cast<std::int64_t>(affinity.size()) == vcpus) break;
      affinity.push_back(parse_cpus(cpus, host, name));
    }
    numa_placement = false;
    return;
  }
  if (const Text cpus = reader.text(name)) {
    const Bits bits = parse_cpus(*cpus, host, name);
    affinity.assign(static_cast<std::size_t>(vcpus), bits);
    if (placement_with_text) numa_placement = false;
  }
}

void set_vnode(VnumaNode& node, const Component& component, const HostCpus& host) {
  if (component.key == "pnode") {
    node.pnode = number_in("vnuma", component, 0, host.nodes - 1);
  } else if (component.key == "size") {
    node.memkb = number_in("vnuma", component, 0, 1ll << 40) * 1024;
  } else if (component.key == "vcpus") {
    for (const std::string& part : split(text_in("vnuma", component), ',')) {
      const auto span = span_of(trimmed(part));
      if (!span || span->last >= most_vcpus)
        throw refusal(fmt::format("vnuma: `{}' is no list of vCPUs", *component.value));
      for (std::int64_t vcpu = span->first; vcpu <= span->last; ++vcpu) node.vcpus.push_back(vcpu);
    }
    std::sort(node.vcpus.begin(), node.vcpus.end());
    node.vcpus.erase(std::unique(node.vcpus.begin(), node.vcpus.end()), node.vcpus.end());
  } else if (component.key == "vdistances") {
    for (const std::string& part : split(text_in("vnuma", component), ','))
      node.distances.push_back(number_in("vnuma", {"vdistances", trimmed(part)}, 0, 254));
  } else {
    unknown_component("vnuma", component);
  }
}

void read_vnuma(BuildInfo& info, Reader& reader, const HostCpus& host) {
  const std::vector<Value>* nodes = reader.list("vnuma", true);
  if (!nodes || nodes->empty()) return;
  std::int64_t memkb = 0, vcpus = 0;
  for (const Value& item : *nodes) {
    if (!item.is_list())
      throw refusal(fmt::format("{}: each node of vnuma is a list", reader.at("vnuma")));
    VnumaNode node;
    for (const Value& part : item.items) {
      const auto equals = part.text.find('=');
      if (part.is_list() || equals == part.text.npos)
        throw refusal(fmt::format("{}: expected KEY=VALUE in a node of vnuma", reader.at("vnuma")));
      set_vnode(node, {trimmed(part.text.substr(0, equals)), trimmed(part.text.substr(equals + 1))},
                host);
    }
    node.distances.resize(nodes->size());
    memkb += node.memkb;
    vcpus += static_cast<std::int64_t>(node.vcpus.size());
    info.vnuma_nodes.push_back(std::move(node));
  }
  if (reader.has("maxmem") && info.max_memkb.value_or(0) != memkb)
    throw refusal("the sizes of the vnuma nodes must add up to maxmem");
  if (info.max_vcpus != 0 && info.max_vcpus != vcpus)
    throw refusal("the vCPUs of the vnuma nodes must add up to maxvcpus");
  info.max_memkb = memkb;
  info.max_vcpus = vcpus;
  info.numa_placement = false;
}

}  // namespace

void read_sizes(BuildInfo& info, Reader& reader, const HostCpus& host) {
  info.target_memkb = info.max_memkb = kibibytes(reader, "memory");
  if (const Number most = kibibytes(reader, "maxmem")) info.max_memkb = most;
  info.video_memkb = kibibytes(reader, "videoram");
  info.shadow_memkb = kibibytes(reader, "shadow_memory");
  info.stubdomain_memkb = kibibytes(reader, "stubdomain_memory");

  info.max_vcpus = vcpu_count(reader, "vcpus");
  info.avail_vcpus = first_bits(info.max_vcpus);
  if (const std::int64_t most = vcpu_count(reader, "maxvcpus"); most > 0) {
    if (most < info.max_vcpus)
      throw refusal(fmt::format("{}: maxvcpus ({}) is less than vcpus ({})", reader.at("maxvcpus"),
                                most, info.max_vcpus));
    info.max_vcpus = most;
  }
  read_affinity(info.vcpu_hard_affinity, info.numa_placement, false, info.max_vcpus, reader, host,
                "cpus");
  read_affinity(info.vcpu_soft_affinity, info.numa_placement, true, info.max_vcpus, reader, host,
                "cpus_soft");
  read_vnuma(info, reader, host);

  info.sched_params.weight = reader.number("cpu_weight");
  info.sched_params.cap = reader.number("cap");
  info.sched_params.period = reader.number("period");
  info.sched_params.slice = reader.number("slice");
  info.sched_params.latency = reader.number("latency");
  info.sched_params.extratime = reader.number("extratime");
}

}  // namespace xcp::xl::cfg
