// SPDX-License-Identifier: GPL-2.0-or-later
// xl save and restore. The file holds memory and devices in the hypervisor's own form; beside it
// lies FILE.xl with what the domain was made from, so that restore needs no more than the file's
// name. Both are complete before the domain is gone.
#include <fmt/format.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <filesystem>

#include "base/describe.hpp"
#include "base/fd.hpp"
#include "xl/refusal.hpp"
#include "xl/verbs.hpp"
#include "xl/vm_spec.hpp"

namespace xcp::xl {

namespace {

std::string companion(const std::string& file) {
  return file + ".xl";
}

std::string absolute(const std::string& path) {
  return std::filesystem::absolute(path).lexically_normal();
}

// What of a domain's devices is true now, over what it was made from: hotplug came between.
void take_devices(hypervisor::VmSpec& spec, const hypervisor::DomainState& state) {
  spec.disks = state.disks;
  spec.nics = state.nics;
  spec.vcpus = state.vcpus;
}

hypervisor::VmSpec spec_of(Xl& xl, const std::string& name, const std::string& text,
                           const std::vector<std::string>& overrides) {
  const Configuration configuration = read_configuration(xl, name, text, overrides, false);
  Target target;
  target.xen = xl.on_xen();
  cfg::Warnings unheard;  // they were told when the domain was made
  hypervisor::VmSpec spec = vm_spec(configuration.domain, target, unheard);
  return spec;
}

}  // namespace

int save(Xl& xl, const Call& call) {
  const hypervisor::DomainState state = xl.find(call.args[0]);
  xl.need_own(state, "Not saving");
  if (call.has("c") && call.has("p")) throw refusal("-c and -p exclude each other");
  auto text = call.args.size() > 2 ? read_file(call.args[2]) : xl.remembered(state.uuid);
  if (!text)
    throw refusal(call.args.size() > 2
                      ? fmt::format("Failed to read config file: {}: no such file", call.args[2])
                      : fmt::format("the configuration of {} is not known; name its file after "
                                    "the checkpoint file",
                                    state.name));
  hypervisor::VmSpec spec =
      spec_of(xl, state.name, *text, {fmt::format("uuid = \"{}\"", state.uuid)});
  take_devices(spec, state);
  const std::string path = absolute(call.args[1]);
  json::object record;
  record["configuration"] = *text;
  record["spec"] = to_json(spec, nullptr);
  write_file_durably(companion(path), json::serialize(record), 0600);
  fmt::print("Saving to {}\n", path);
  std::fflush(stdout);
  try {
    if (call.has("c") || call.has("p")) {
      xl.hypervisor().checkpoint(state.uuid, path, {});
      if (call.has("p")) xl.hypervisor().pause(state.uuid);
    } else {
      xl.hypervisor().save(state.uuid, path);
    }
  } catch (...) {
    std::error_code ignored;
    std::filesystem::remove(companion(path), ignored);
    throw;
  }
  if (!call.has("c") && !call.has("p")) xl.forget(state.uuid);
  return 0;
}

int restore(Xl& xl, const Call& call) {
  const bool with_configuration = call.args.size() > 1;
  const std::string path = absolute(call.args[with_configuration ? 1 : 0]);
  const auto record = read_file(companion(path));
  if (!record)
    throw refusal(
        fmt::format("{} is missing, which xl save writes beside {}", companion(path), path));
  boost::system::error_code problem;
  const json::value read = json::parse(*record, problem);
  if (problem || !read.is_object() || !read.as_object().contains("spec") ||
      !read.as_object().contains("configuration"))
    throw refusal(fmt::format("{} was not written by xl save", companion(path)));
  std::string text = from_json<std::string>(read.at("configuration"));
  auto spec = from_json<hypervisor::VmSpec>(read.at("spec"));
  if (with_configuration) {
    const auto other = read_file(call.args[0]);
    if (!other)
      throw refusal(fmt::format("Failed to read config file: {}: no such file", call.args[0]), 3);
    text = *other;
    // Who it is and what it has in memory stays; what may differ are its name and its backings.
    const hypervisor::VmSpec changed =
        spec_of(xl, call.args[0], text, {fmt::format("uuid = \"{}\"", spec.uuid)});
    spec.name = changed.name;
    spec.disks = changed.disks;
    spec.nics = changed.nics;
    spec.on_crash = changed.on_crash;
    spec.on_reboot = changed.on_reboot;
  }
  for (const hypervisor::DomainState& other : xl.domains())
    if (other.uuid == spec.uuid || other.name == spec.name)
      throw refusal(fmt::format("a domain {} runs already", other.name));
  fmt::print("Loading from {}\n", path);
  std::fflush(stdout);
  xl.remember(spec.uuid, text);
  hypervisor::DomainState state;
  try {
    state = xl.on_xen() ? xl.xen().restore(spec, path) : xl.hypervisor().restore(spec, path);
  } catch (...) {
    xl.forget(spec.uuid);
    throw;
  }
  return attend(xl, call, state);
}

}  // namespace xcp::xl
