// SPDX-License-Identifier: GPL-2.0-or-later
// xl cpupool-*: CPU pools.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "base/fd.hpp"
#include "xl/cfg/components.hpp"
#include "xl/refusal.hpp"
#include "xl/verbs.hpp"
#include "xl/xen_text.hpp"

namespace xcp::xl {

namespace {

// By name or number.
XenCpuPool pool_of(Xl& xl, const std::string& name) {
  for (XenCpuPool& pool : xl.xen().cpu_pools())
    if (pool.name == name || std::to_string(pool.id) == name) return std::move(pool);
  throw refusal(fmt::format("unknown cpupool '{}'", name));
}

std::optional<std::int64_t> natural(const std::string& text) {
  std::int64_t number = 0;
  const char* end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, number);
  if (result.ec != std::errc() || result.ptr != end || number < 0) return std::nullopt;
  return number;
}

Numbers cpus_of_node(const XenTopology& topology, std::int64_t node) {
  Numbers cpus;
  for (const XenTopology::Cpu& cpu : topology.cpus)
    if (cpu.node == node) cpus.push_back(cpu.cpu);
  return cpus;
}

// "3", "0-3", "node:1"
Numbers cpus_of(Xl& xl, const std::string& text) {
  const XenTopology topology = xl.xen().topology();
  cfg::HostCpus host;
  host.cpus = topology.cpus.empty() ? 1 : topology.cpus.back().cpu + 1;
  for (const XenTopology::Cpu& cpu : topology.cpus) {
    host.node_of.resize(static_cast<std::size_t>(cpu.cpu) + 1);
    host.node_of.back() = cpu.node;
  }
  return cfg::parse_cpus(text, host, "CPUs");
}

struct NewPool {
  std::string name, scheduler;
  Numbers cpus;
};

Numbers number_list(const std::vector<std::string>& texts, const char* what) {
  Numbers numbers;
  for (const std::string& text : texts) {
    const auto number = natural(cfg::trimmed(text));
    if (!number) throw refusal(fmt::format("{}: `{}' is not a number", what, text));
    numbers.push_back(*number);
  }
  return numbers;
}

Numbers wanted_cpus(Xl& xl, cfg::Reader& reader, const Numbers& free) {
  std::set<std::int64_t> chosen;
  const auto is_free = [&](std::int64_t cpu) {
    return std::find(free.begin(), free.end(), cpu) != free.end();
  };
  if (reader.has("nodes")) {
    const XenTopology topology = xl.xen().topology();
    for (const std::int64_t node : number_list(reader.texts("nodes"), "nodes"))
      for (const std::int64_t cpu : cpus_of_node(topology, node))
        if (is_free(cpu)) chosen.insert(cpu);
    if (chosen.empty()) throw refusal("no free cpu found", 6);
  } else if (reader.has("cpus")) {
    const Numbers cpus = reader.list("cpus", true) != nullptr
                             ? number_list(reader.texts("cpus"), "cpus")
                             : cpus_of(xl, reader.text("cpus").value_or(""));
    for (const std::int64_t cpu : cpus) {
      if (!is_free(cpu)) throw refusal(fmt::format("cpu {} illegal or not free", cpu), 6);
      chosen.insert(cpu);
    }
  }
  return {chosen.begin(), chosen.end()};
}

NewPool read_pool(Xl& xl, const cfg::Config& config, const std::string& file) {
  cfg::Warnings warnings;
  cfg::Reader reader(config, warnings);
  const hypervisor::XenHost host = xl.xen().host();
  NewPool pool;
  pool.name = reader.text("name").value_or(file.substr(file.rfind('/') + 1));
  if (pool.name.empty()) throw refusal("Missing cpupool name!");
  for (const XenCpuPool& other : xl.xen().cpu_pools())
    if (other.name == pool.name)
      throw refusal(fmt::format("Pool name \"{}\" already exists", pool.name));
  static const std::set<std::string> schedulers = {"sedf",     "credit", "credit2",
                                                   "arinc653", "rtds",   "null"};
  pool.scheduler = reader.text("sched").value_or(host.scheduler);
  if (!schedulers.contains(pool.scheduler)) throw refusal("Unknown scheduler");
  pool.cpus = wanted_cpus(xl, reader, host.free_cpus);
  for (const std::string& warning : warnings) xl.warn(warning);
  return pool;
}

// Waits until domain 0 has let go of what it was asked to.
void shrink_domain_0(Xl& xl, std::int64_t vcpus) {
  constexpr int looks = 10;
  xl.xen().set_vcpus_online(0, vcpus);
  for (int i = 0; i < looks; ++i) {
    if (xl.find_xen("0").vcpus_online <= vcpus) return;
    // Nothing tells of it; the kernel of domain 0 takes its time.
    usleep(100000);
  }
  throw refusal("failed to offline vcpus");
}

}  // namespace

int cpupool_create(Xl& xl, const Call& call) {
  std::string file = call.value("f");
  cfg::Config config;
  std::vector<std::string> settings;
  for (const std::string& word : call.args) {
    if (word.find('=') != word.npos)
      settings.push_back(word);
    else
      file = word;
  }
  if (!file.empty()) {
    const auto text = read_file(file);
    if (!text) throw refusal(fmt::format("Failed to read config file: {}: no such file", file));
    config.add(file, *text);
  }
  for (const std::string& setting : settings) config.add("command line", setting);
  const NewPool pool = read_pool(xl, config, file);
  fmt::print("Using config file \"{}\"\n", file.empty() ? "command line" : file);
  fmt::print("cpupool name:   {}\nscheduler:      {}\nnumber of cpus: {}\n", pool.name,
             pool.scheduler, pool.cpus.size());
  if (xl.settings.dry_run || call.has("n")) return 0;
  xl.xen().create_cpu_pool(pool.name, pool.scheduler, pool.cpus);
  return 0;
}

int cpupool_list(Xl& xl, const Call& call) {
  const std::vector<XenCpuPool> pools = xl.xen().cpu_pools();
  const bool one = !call.args.empty();
  const bool known = !one || std::any_of(pools.begin(), pools.end(), [&](const auto& pool) {
    return pool.name == call.args[0];
  });
  if (!known) throw refusal(fmt::format("Pool '{}' does not exist", call.args[0]));
  fmt::print("{}", pool_head(call.has("c")));
  for (const XenCpuPool& pool : pools)
    if (!one || pool.name == call.args[0]) fmt::print("{}", pool_row(pool, call.has("c")));
  return 0;
}

int cpupool_destroy(Xl& xl, const Call& call) {
  xl.xen().destroy_cpu_pool(pool_of(xl, call.args[0]).name);
  return 0;
}

int cpupool_rename(Xl& xl, const Call& call) {
  xl.xen().rename_cpu_pool(pool_of(xl, call.args[0]).name, call.args[1]);
  return 0;
}

// Both end with 0 all the same, as in every xl: some of the CPUs may have changed.
int cpupool_cpu_add(Xl& xl, const Call& call) {
  const XenCpuPool pool = pool_of(xl, call.args[0]);
  const Numbers cpus = cpus_of(xl, call.args[1]);
  try {
    xl.xen().add_pool_cpus(pool.name, cpus);
  } catch (const Failure& failure) {
    fmt::print(stderr, "{}\nsome cpus may not have been added to {}\n", failure.params().at(0),
               pool.name);
  }
  return 0;
}

int cpupool_cpu_remove(Xl& xl, const Call& call) {
  const XenCpuPool pool = pool_of(xl, call.args[0]);
  const Numbers cpus = cpus_of(xl, call.args[1]);
  try {
    xl.xen().remove_pool_cpus(pool.name, cpus);
  } catch (const Failure& failure) {
    fmt::print(stderr,
               "{}\nSome cpus may not have or only partially been removed from '{}'.\nIf a cpu "
               "can't be added to another cpupool, add it to '{}' again and retry.\n",
               failure.params().at(0), pool.name, pool.name);
  }
  return 0;
}

int cpupool_migrate(Xl& xl, const Call& call) {
  const std::vector<XenDomain> domains = xl.xen().domains();
  const auto domain = std::find_if(domains.begin(), domains.end(), [&](const XenDomain& one) {
    return one.name == call.args[0] || std::to_string(one.domid) == call.args[0];
  });
  if (domain == domains.end()) throw refusal(fmt::format("unknown domain '{}'", call.args[0]));
  xl.xen().move_to_cpu_pool(domain->domid, pool_of(xl, call.args[1]).name);
  return 0;
}

int cpupool_numa_split(Xl& xl, const Call&) {
  const std::vector<XenCpuPool> pools = xl.xen().cpu_pools();
  if (pools.size() != 1 || pools[0].id != 0)
    throw refusal("splitting not possible, already cpupools in use");
  const XenTopology topology = xl.xen().topology();
  std::set<std::int64_t> nodes;
  for (const XenTopology::Cpu& cpu : topology.cpus) nodes.insert(cpu.node);
  if (nodes.empty()) throw refusal("libxl_get_topologyinfo failed");
  const std::int64_t first = topology.cpus[0].node;
  const Numbers of_first = cpus_of_node(topology, first);
  Numbers missing;
  for (const std::int64_t cpu : of_first)
    if (!std::binary_search(pools[0].cpus.begin(), pools[0].cpus.end(), cpu))
      missing.push_back(cpu);
  if (!missing.empty()) xl.xen().add_pool_cpus(pools[0].name, missing);
  const auto name_of = [](std::int64_t node) { return fmt::format("Pool-node{}", node); };
  xl.xen().rename_cpu_pool(pools[0].name, name_of(first));
  nodes.erase(first);
  const auto vcpus = static_cast<std::int64_t>(of_first.size());
  if (xl.find_xen("0").vcpus_online > vcpus) shrink_domain_0(xl, vcpus);
  for (const std::int64_t node : nodes) {
    const Numbers cpus = cpus_of_node(topology, node);
    Numbers held;
    std::set_intersection(cpus.begin(), cpus.end(), pools[0].cpus.begin(), pools[0].cpus.end(),
                          std::back_inserter(held));
    if (!held.empty()) xl.xen().remove_pool_cpus(name_of(first), held);
    xl.xen().create_cpu_pool(name_of(node), pools[0].scheduler, cpus);
  }
  return 0;
}

}  // namespace xcp::xl
