// SPDX-License-Identifier: GPL-2.0-or-later
// Disks, NICs, media, images and sizes of running guests, seen from outside and from inside.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include "base/failure.hpp"
#include "contract.hpp"

namespace xcp::test {
namespace {

using namespace hypervisor;
using std::chrono::seconds;

class DevicesContract : public ContractTest {
 protected:
  std::vector<std::string> disk_devices() {
    std::vector<std::string> devices;
    for (const DiskSpec& disk : state().disks) devices.push_back(disk.device);
    return devices;
  }
  std::string path_of(const std::string& device) {
    for (const DiskSpec& disk : state().disks)
      if (disk.device == device) return disk.path;
    return "no such disk";
  }
};

using Texts = std::vector<std::string>;

// What a web server on a port of this host answers; "" when nobody does.
std::string fetch(int port) {
  UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) return {};
  send(fd.get(), "GET / HTTP/1.0\r\n\r\n", 18, MSG_NOSIGNAL);
  std::string answer;
  char buffer[4096];
  while (wait_readable(fd.get(), seconds(10))) {
    const ssize_t n = recv(fd.get(), buffer, sizeof(buffer), 0);
    if (n <= 0) break;
    answer.append(buffer, static_cast<std::size_t>(n));
  }
  return answer;
}

TEST_F(DevicesContract, DisksComeAndGo) {
  VmSpec spec = small_guest();
  spec.disks = {disk("0", raw_image("zero"))};
  start(spec);
  EventReader events(hv());
  hv().plug_disk(uuid_, disk("5", raw_image("five")));
  events.wait_for(EventKind::changed, uuid_);
  EXPECT_EQ(disk_devices(), (Texts{"0", "5"}));
  EXPECT_EQ(code_of([&] { hv().plug_disk(uuid_, disk("5", raw_image("again"))); }),
            "DEVICE_ALREADY_EXISTS");
  if (world().real_guests) {
    Terminal guest = terminal();
    guest.wait_for("TEST GUEST READY");
    const std::string five = guest_disk("5", 1);
    // Xen's protocol for disks knows no serial number.
    if (world().xen)
      guest.run_until("ls " + five, "status 0");
    else
      guest.run_until("cat /sys/block/vdb/serial", "disk-5");
    EXPECT_NE(guest.run("echo written > " + five).find("status 0"), std::string::npos);
    guest.run("sync");
  }
  hv().unplug_disk(uuid_, "5");
  EXPECT_EQ(disk_devices(), (Texts{"0"}));
  hv().unplug_disk(uuid_, "5");
  if (world().real_guests) {
    const auto content = read_file(files_ + "/five");
    EXPECT_EQ(content->substr(0, 7), "written");
  }
  // The place is free again.
  hv().plug_disk(uuid_, disk("5", raw_image("five")));
  EXPECT_EQ(disk_devices(), (Texts{"0", "5"}));
}

TEST_F(DevicesContract, DisksKeepTheirOrderInTheGuest) {
  if (!world().real_guests) GTEST_SKIP() << "needs a guest that looks";
  if (world().xen) GTEST_SKIP() << "disks of Xen guests have names, and no serial numbers";
  VmSpec spec = small_guest();
  spec.disks = {disk("7", raw_image("seven")), disk("2", raw_image("two")),
                disk("0", raw_image("zero"))};
  start(spec);
  Terminal guest = terminal();
  guest.wait_for("TEST GUEST READY");
  const std::string serials = guest.run(
      "cat /sys/block/vda/serial; echo; cat /sys/block/vdb/serial; echo; cat "
      "/sys/block/vdc/serial; echo");
  const auto zero = serials.find("disk-0");
  const auto two = serials.find("disk-2");
  const auto seven = serials.find("disk-7");
  EXPECT_LT(zero, two) << serials;
  EXPECT_LT(two, seven) << serials;
  EXPECT_NE(seven, std::string::npos) << serials;
}

TEST_F(DevicesContract, NicsComeAndGo) {
  VmSpec spec = small_guest();
  spec.nics = {user_nic("0")};
  start(spec);
  hv().plug_nic(uuid_, user_nic("2"));
  ASSERT_EQ(state().nics.size(), 2u);
  EXPECT_EQ(state().nics[1].device, "2");
  EXPECT_EQ(code_of([&] { hv().plug_nic(uuid_, user_nic("2")); }), "DEVICE_ALREADY_EXISTS");
  if (world().real_guests) {
    Terminal guest = terminal();
    guest.wait_for("TEST GUEST READY");
    guest.run_until("cat /sys/class/net/*/address", user_nic("2").mac);
  }
  hv().unplug_nic(uuid_, "2");
  EXPECT_EQ(state().nics.size(), 1u);
  hv().unplug_nic(uuid_, "2");
}

TEST_F(DevicesContract, PortsAreForwardedAndSurviveHotplug) {
  if (world().xen) GTEST_SKIP() << "guests of this driver are on bridges";
  VmSpec spec = small_guest();
  spec.nics = {user_nic("0")};
  spec.nics[0].forwards = {{0, 80}};
  start(spec);
  const int port = state().nics.at(0).forwards.at(0).host_port;
  EXPECT_GT(port, 0);
  EXPECT_EQ(state().nics[0].forwards[0].guest_port, 80);
  if (world().real_guests)
    wait_until("the guest's web server answers",
               [&] { return fetch(port).find("hello from the guest") != std::string::npos; });
  NicSpec second = user_nic("1");
  second.forwards = {{0, 80}, {0, 22}};
  hv().plug_nic(uuid_, second);
  const DomainState both = state();
  ASSERT_EQ(both.nics.size(), 2u);
  EXPECT_EQ(both.nics[0].forwards.at(0).host_port, port);
  ASSERT_EQ(both.nics[1].forwards.size(), 2u);
  const int second_port = both.nics[1].forwards[0].host_port;
  EXPECT_NE(second_port, port);
  if (world().real_guests) {
    Terminal guest = terminal();
    guest.wait_for("TEST GUEST READY");
    guest.run_until("cat /sys/class/net/eth1/address", second.mac);
    guest.run("ifconfig eth1 up; udhcpc -n -q -i eth1 -s /bin/dhcp-done");
    wait_until("the second NIC answers", [&] {
      return fetch(second_port).find("hello from the guest") != std::string::npos;
    });
  }
  hv().unplug_nic(uuid_, "1");
  const DomainState one = state();
  ASSERT_EQ(one.nics.size(), 1u);
  EXPECT_EQ(one.nics[0].forwards.at(0).host_port, port);
  if (world().real_guests) {
    EXPECT_EQ(fetch(second_port), "") << "the port is closed again";
    EXPECT_NE(fetch(port).find("hello from the guest"), std::string::npos);
  }
}

TEST_F(DevicesContract, APortThatIsTakenFailsTheBuildAndLeavesNothing) {
  if (!world().real_guests) GTEST_SKIP() << "the sim opens no ports";
  if (world().xen) GTEST_SKIP() << "guests of this driver are on bridges";
  UniqueFd taken(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  ASSERT_EQ(bind(taken.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(listen(taken.get(), 1), 0);
  ASSERT_EQ(getsockname(taken.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  VmSpec spec = small_guest();
  spec.nics = {user_nic("0")};
  spec.nics[0].forwards = {{ntohs(address.sin_port), 80}};
  EventReader events(hv());
  EXPECT_EQ(code_of([&] { hv().build(spec); }), "INTERNAL_ERROR");
  EXPECT_EQ(hv().domain(uuid_), std::nullopt);
  for (const Event& event : events.pending()) EXPECT_EQ(event.kind, EventKind::changed);
}

TEST_F(DevicesContract, ADriveTakesAndEjectsMedia) {
  VmSpec spec = small_guest();
  DiskSpec drive;
  drive.device = "3";
  drive.cdrom = true;
  spec.disks = {disk("0", raw_image("zero")), drive};
  start(spec);
  const std::string medium = files_ + "/medium.iso";
  write_file_durably(medium, "first medium" + std::string((1 << 20) - 12, ' '));
  DiskSpec inserted;
  inserted.path = medium;
  hv().change_medium(uuid_, "3", inserted);
  EXPECT_EQ(path_of("3"), medium);
  if (world().real_guests) {
    Terminal guest = terminal();
    guest.wait_for("TEST GUEST READY");
    if (world().xen) {
      guest.run_until("head -c 12 /dev/xvdd", "first medium");
    } else {
      guest.run_until("head -c 12 /dev/sr0", "first medium");
      // A guest that locks the door cannot keep the medium.
      guest.run("exec 9</dev/sr0; echo 1 > /proc/sys/dev/cdrom/lock");
    }
  }
  hv().change_medium(uuid_, "3", {});
  EXPECT_EQ(path_of("3"), "");
  hv().change_medium(uuid_, "3", inserted);
  EXPECT_EQ(path_of("3"), medium);
  EXPECT_EQ(code_of([&] { hv().change_medium(uuid_, "0", inserted); }), "VBD_NOT_REMOVABLE_MEDIA");
  EXPECT_EQ(code_of([&] { hv().change_medium(uuid_, "1", inserted); }), "DEVICE_NOT_ATTACHED");
  EXPECT_EQ(code_of([&] { hv().unplug_disk(uuid_, "3"); }), "OPERATION_NOT_ALLOWED");
}

TEST_F(DevicesContract, ImagesAreSwitchedUnderARunningGuest) {
  VmSpec spec = small_guest();
  spec.disks = {disk("0", raw_image("zero")), disk("1", raw_image("one"))};
  start(spec);
  std::map<std::string, DiskSpec> images;
  for (const std::string device : {"0", "1"}) {
    images[device] = disk(device, overlay("new" + device, spec.disks[device == "1"].path, "raw"));
    images[device].format = DiskFormat::qcow2;
  }
  hv().switch_images(uuid_, images);
  EXPECT_EQ(path_of("0"), files_ + "/new0");
  EXPECT_EQ(path_of("1"), files_ + "/new1");
  EXPECT_EQ(state().disks[0].format, DiskFormat::qcow2);
  hv().switch_images(uuid_, images);
  EXPECT_EQ(code_of([&] {
              hv().switch_images(uuid_, {{"9", images["0"]}});
            }),
            "DEVICE_NOT_ATTACHED");
  if (!world().real_guests) return;
  Terminal guest = terminal();
  guest.wait_for("TEST GUEST READY");
  EXPECT_NE(guest.run("echo after > " + guest_disk("0", 0) + " && sync").find("status 0"),
            std::string::npos);
  EXPECT_EQ(read_file(files_ + "/zero")->find("after"), std::string::npos)
      << "the old image is not written any more";
}

TEST_F(DevicesContract, VirtualCpusArePlugged) {
  start(small_guest());
  hv().set_vcpus(uuid_, 2);
  EXPECT_EQ(state().vcpus, 2);
  EXPECT_EQ(code_of([&] { hv().set_vcpus(uuid_, 3); }), "INVALID_VALUE");
  EXPECT_EQ(code_of([&] { hv().set_vcpus(uuid_, 0); }), "INVALID_VALUE");
  EXPECT_EQ(hv().stats().at(0).vcpu_seconds.size(), 2u);
  if (!world().real_guests) return;
  Terminal guest = terminal();
  guest.wait_for("TEST GUEST READY");
  guest.run_until("ls -d /sys/devices/system/cpu/cpu1", "cpu1");
}

TEST_F(DevicesContract, MemoryFollowsItsTarget) {
  start(small_guest());
  hv().set_memory_target(uuid_, 96 << 20);
  wait_until("the balloon is there", [&] { return state().memory_bytes <= 97 << 20; });
  hv().set_memory_target(uuid_, 128 << 20);
  wait_until("the balloon is gone", [&] { return state().memory_bytes == 128 << 20; });
  EXPECT_EQ(code_of([&] { hv().set_memory_target(uuid_, 256 << 20); }), "INVALID_VALUE");
}

}  // namespace
}  // namespace xcp::test
