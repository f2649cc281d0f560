// SPDX-License-Identifier: GPL-2.0-or-later
// See contract.hpp.
#include "contract.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <stdexcept>

#include "base/failure.hpp"
#include "base/process.hpp"
#include "base/ref.hpp"

namespace xcp::test {

using namespace hypervisor;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

World& world() {
  static World the_world;
  return the_world;
}

void copy_directory(const std::string& from, const std::string& to) {
  if (!std::filesystem::exists(from)) return;
  std::filesystem::create_directories(to);
  std::filesystem::copy(
      from, to,
      std::filesystem::copy_options::recursive | std::filesystem::copy_options::overwrite_existing);
}

std::string code_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Failure& failure) {
    return failure.code();
  }
  return {};
}

// ---- events -----------------------------------------------------------------------------------

EventReader::EventReader(Hypervisor& hypervisor) : hypervisor_(hypervisor) {
  const EventBatch first = hypervisor_.events("", 0, milliseconds(0));
  epoch = first.epoch;
  last = first.last;
}

Event EventReader::wait_for(EventKind kind, const std::string& uuid, std::chrono::seconds timeout) {
  for (const auto deadline = Clock::now() + timeout; Clock::now() < deadline;) {
    const EventBatch batch = hypervisor_.events(epoch, last, milliseconds(1000));
    for (const Event& event : batch.events) {
      last = event.id;
      if (event.kind == kind && event.uuid == uuid) return event;
    }
  }
  throw std::runtime_error("the event did not come: " + std::to_string(static_cast<int>(kind)));
}

std::vector<Event> EventReader::pending() {
  const EventBatch batch = hypervisor_.events(epoch, last, milliseconds(0));
  last = batch.last;
  return batch.events;
}

// ---- the fixture ------------------------------------------------------------------------------

void ContractTest::SetUp() {
  uuid_ = make_uuid();
  files_ = world().directory + "/files-" + uuid_;
  std::filesystem::create_directories(files_);
}

void ContractTest::TearDown() {
  for (const DomainState& domain : hv().domains())
    if (domain.ours) hv().destroy(domain.uuid);
  hv().forget(uuid_);
  std::filesystem::remove_all(files_);
}

VmSpec ContractTest::small_guest() const {
  VmSpec spec;
  spec.uuid = uuid_;
  spec.name = "contract <test> & \"guest\"";
  spec.direct_kernel = world().kernel;
  // Of Xen's kinds the one that needs no nested paging, which QEMU's emulation gets wrong at times.
  if (world().xen) spec.type = GuestType::pv;
  if (world().xen) spec.vnc = false;  // a QEMU less to start
  spec.vcpus_max = 2;
  spec.memory_static_max_bytes = 128 << 20;
  spec.memory_target_bytes = 128 << 20;
  return spec;
}

DiskSpec ContractTest::disk(const std::string& device, const std::string& path) const {
  DiskSpec spec;
  spec.device = device;
  spec.path = path;
  spec.serial = "disk-" + device;
  return spec;
}

NicSpec ContractTest::user_nic(const std::string& device) const {
  NicSpec spec;
  spec.device = device;
  spec.mac = "52:54:00:00:01:0" + device;
  spec.backing = world().xen ? NicBacking::bridge : NicBacking::user;
  spec.bridge = world().bridge;
  return spec;
}

std::string ContractTest::guest_disk(const std::string& device, int nth) {
  if (world().xen) return std::string("/dev/xvd") + static_cast<char>('a' + std::stoi(device));
  return std::string("/dev/vd") + static_cast<char>('a' + nth);
}

std::string ContractTest::raw_image(const std::string& name) const {
  const std::string path = files_ + "/" + name;
  const UniqueFd file(open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  if (!file || ftruncate(file.get(), 32 << 20) != 0) throw system_failure("make " + path, errno);
  return path;
}

std::string ContractTest::overlay(const std::string& name, const std::string& base,
                                  const char* format) const {
  const std::string path = files_ + "/" + name;
  Command create;
  create.argv = {"qemu-img", "create", "-q", "-f", "qcow2", "-b", base, "-F", format, path};
  run_checked(create);
  return path;
}

void ContractTest::start(const VmSpec& spec) {
  hv().build(spec);
  hv().unpause(uuid_);
  wait_until_up();
}

void ContractTest::wait_until_up() {
  if (world().real_guests) {
    terminal().wait_for("TEST GUEST READY");
    return;
  }
  wait_until(
      "the agent is there", [this] { return hv().guest(uuid_).agent_alive; },
      std::chrono::seconds(180));
}

Terminal ContractTest::terminal() {
  return Terminal(hv().console(uuid_, ConsoleKind::serial));
}

DomainState ContractTest::state() {
  auto found = hv().domain(uuid_);
  if (!found) throw std::runtime_error("the domain is gone");
  return *found;
}

bool ContractTest::no_domain_is_ours() {
  const auto domains = hv().domains();
  return std::none_of(domains.begin(), domains.end(),
                      [](const DomainState& domain) { return domain.ours; });
}

void ContractTest::wait_until(const std::string& what, const std::function<bool()>& condition,
                              std::chrono::seconds timeout) {
  for (const auto deadline = Clock::now() + timeout; Clock::now() < deadline;) {
    if (condition()) return;
    usleep(20000);
  }
  throw std::runtime_error("waited in vain until " + what);
}

}  // namespace xcp::test
