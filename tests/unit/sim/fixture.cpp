// SPDX-License-Identifier: GPL-2.0-or-later
// See fixture.hpp.
#include "fixture.hpp"

#include <cstdlib>

namespace xcp::hypervisor {

TemporaryDirectory::TemporaryDirectory() {
  std::string name = (std::filesystem::temp_directory_path() / "sim-test-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) throw system_failure("mkdtemp", errno);
  path_ = name;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string TemporaryDirectory::path(const std::string& name) const {
  return name.empty() ? path_.string() : (path_ / name).string();
}

SimSettings still_settings() {
  SimSettings settings;
  settings.manual_clock = true;
  settings.timing = {{"operations", "0"}};
  return settings;
}

VmSpec small_vm(const std::string& uuid) {
  VmSpec spec;
  spec.uuid = uuid;
  spec.name = "Small VM";
  spec.vcpus_max = 4;
  spec.vcpus = 2;
  spec.memory_static_max_bytes = std::int64_t{2} << 30;
  spec.memory_target_bytes = std::int64_t{1} << 30;
  DiskSpec disk;
  disk.device = "0";
  disk.path = "/disks/" + uuid;
  disk.format = DiskFormat::qcow2;
  disk.serial = uuid;
  DiskSpec cd;
  cd.device = "3";
  cd.cdrom = true;
  cd.read_only = true;
  spec.disks = {disk, cd};
  NicSpec nic;
  nic.device = "0";
  nic.mac = "02:00:00:" + uuid.substr(0, 2) + ":" + uuid.substr(2, 2) + ":" + uuid.substr(4, 2);
  nic.backing = NicBacking::bridge;
  nic.bridge = "xenbr0";
  spec.nics = {nic};
  return spec;
}

std::string code_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Failure& failure) {
    return failure.code();
  }
  return {};
}

std::vector<std::string> params_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Failure& failure) {
    return failure.params();
  }
  return {"threw nothing"};
}

EventReader::EventReader(Hypervisor& hypervisor) : hypervisor_(hypervisor) {
  const EventBatch now = hypervisor_.events({}, 0, std::chrono::milliseconds(0));
  epoch_ = now.epoch;
  after_ = now.last;
}

std::vector<std::string> EventReader::all() {
  const EventBatch batch = hypervisor_.events(epoch_, after_, std::chrono::milliseconds(0));
  after_ = batch.last;
  std::vector<std::string> texts;
  for (const Event& event : batch.events)
    texts.push_back(std::string(boost::describe::enum_to_string(event.kind, "?")) + " " +
                    event.uuid);
  return texts;
}

void EventReader::wait_for(EventKind kind, const std::string& uuid) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) break;
    const EventBatch batch = hypervisor_.events(epoch_, after_, left);
    after_ = batch.last;
    for (const Event& event : batch.events)
      if (event.kind == kind && event.uuid == uuid) return;
  }
  ADD_FAILURE() << "no event " << boost::describe::enum_to_string(kind, "?") << " of " << uuid;
}

void SimTest::start(const VmSpec& spec) {
  sim->build(spec);
  sim->unpause(spec.uuid);
  advance(60);
  ASSERT_TRUE(sim->guest(spec.uuid).agent_alive);
  events.all();
}

}  // namespace xcp::hypervisor
