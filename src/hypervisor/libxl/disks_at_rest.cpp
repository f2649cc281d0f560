// SPDX-License-Identifier: GPL-2.0-or-later
// See disks_at_rest.hpp. QEMU is told to stop, which waits for what it has begun and flushes. A
// request may have been in the guest's ring still and be fetched after that: it is told again until
// nothing has been done in between. The kernel's backend is watched at the device itself.
#include "hypervisor/libxl/disks_at_rest.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <chrono>
#include <sstream>
#include <thread>

#include "base/describe.hpp"
#include "base/fd.hpp"
#include "hypervisor/libxl/domain_config.hpp"
#include "hypervisor/libxl/qemu_monitor.hpp"

namespace xcp::hypervisor::libxl {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds patience{20};
constexpr std::chrono::milliseconds between_looks{10};

bool through_qemu(const DiskSpec& disk, GuestType type) {
  DiskDevice device;
  fill_disk(device.value, disk, type);
  return device.value.backend == LIBXL_DISK_BACKEND_QDISK;
}

// How much QEMU has done, whatever it did.
std::int64_t operations_of(QemuMonitor& qemu) {
  std::int64_t sum = 0;
  const json::value blocks = qemu.execute("query-blockstats");
  for (const json::value& block : blocks.as_array()) {
    const json::object& stats = block.as_object().at("stats").as_object();
    for (const char* kind :
         {"rd_operations", "wr_operations", "flush_operations", "unmap_operations"})
      if (const json::value* count = stats.if_contains(kind))
        sum += count->to_number<std::int64_t>();
  }
  return sum;
}

void stop_qemu(std::uint32_t domid, const std::string& uuid) {
  QemuMonitor qemu(domid);
  const auto deadline = Clock::now() + patience;
  qemu.execute("stop");
  for (std::int64_t done = operations_of(qemu);;) {
    std::this_thread::sleep_for(between_looks);
    qemu.execute("stop");
    const std::int64_t now = operations_of(qemu);
    if (now == done) return;
    done = now;
    if (Clock::now() > deadline)
      throw internal_error("the disks of VM " + uuid + " do not come to rest");
  }
}

std::int64_t requests_on_their_way(const struct stat& status) {
  const std::string path =
      fmt::format("/sys/dev/block/{}:{}/inflight", major(status.st_rdev), minor(status.st_rdev));
  std::istringstream words(read_file(path).value_or(""));
  std::int64_t reads = 0, writes = 0;
  words >> reads >> writes;
  return reads + writes;
}

void wait_for_device(const std::string& path, const std::string& uuid) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) throw system_failure("cannot look at " + path, errno);
  if (!S_ISBLK(status.st_mode)) return;  // a file that is only read
  const auto deadline = Clock::now() + patience;
  for (int seen_idle = 0; seen_idle < 2;) {
    seen_idle = requests_on_their_way(status) == 0 ? seen_idle + 1 : 0;
    if (Clock::now() > deadline)
      throw internal_error("disk " + path + " of VM " + uuid + " does not come to rest");
    std::this_thread::sleep_for(between_looks);
  }
  const UniqueFd device(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!device || fsync(device.get()) != 0) throw system_failure("cannot flush " + path, errno);
}

}  // namespace

void bring_disks_to_rest(std::uint32_t domid, const VmSpec& spec) {
  bool qemu = spec.type == GuestType::hvm;
  for (const DiskSpec& disk : spec.disks)
    qemu = qemu || (!disk.path.empty() && through_qemu(disk, spec.type));
  if (qemu) stop_qemu(domid, spec.uuid);
  for (const DiskSpec& disk : spec.disks)
    if (!disk.path.empty() && !through_qemu(disk, spec.type)) wait_for_device(disk.path, spec.uuid);
}

void let_disks_go_on(std::uint32_t domid) noexcept {
  try {
    QemuMonitor(domid).execute("cont");
  } catch (const std::exception&) {
    // It has none.
  }
}

}  // namespace xcp::hypervisor::libxl
