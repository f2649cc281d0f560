// SPDX-License-Identifier: GPL-2.0-or-later
// A configuration as the hypervisor contract carries it, and what is named or refused on the way.
#include "xl/vm_spec.hpp"

#include "refused.hpp"
#include "xl/cfg/read_domain.hpp"

namespace xcp::xl {
namespace {

const std::string hvm =
    "name='x'\ntype='hvm'\nmemory=64\nuuid='00000000-1111-2222-3333-444444444444'\n";

struct Result {
  hypervisor::VmSpec spec;
  cfg::Warnings warnings;
};

Result spec_of(const std::string& text, bool xen = false) {
  cfg::Config config;
  config.add("f", text);
  cfg::Warnings of_reading;
  const cfg::Domain domain = cfg::read_domain(config, {}, {}, of_reading);
  Target target;
  target.xen = xen;
  for (const cfg::Setting& setting : config.settings()) target.keys_set.push_back(setting.name);
  Result result;
  result.spec = vm_spec(domain, target, result.warnings);
  return result;
}

TEST(XlVmSpec, WhatIsCarried) {
  const auto [spec, warnings] = spec_of(
      hvm +
      "maxmem=128\nvcpus=2\nmaxvcpus=4\nbios='ovmf'\nboot='ndc'\nlocaltime=1\nrtc_timeoffset='-60'"
      "\nvideoram=32\nvga='cirrus'\nviridian=1\nusbdevice=['tablet']\non_reboot='destroy'\n"
      "on_crash='preserve'\ndisk=['/a,qcow2,xvda,r','vg/b,,xvdb',',,hdd,cdrom']\n"
      "vif=['bridge=br0,mac=00:16:3e:01:02:03,mtu=9000,vifname=tap7','']");
  EXPECT_TRUE(warnings.empty()) << warnings[0];
  EXPECT_EQ(spec.uuid, "00000000-1111-2222-3333-444444444444");
  EXPECT_EQ(spec.name, "x");
  EXPECT_EQ(spec.memory_target_bytes, 64 << 20);
  EXPECT_EQ(spec.memory_static_max_bytes, 128 << 20);
  EXPECT_EQ(spec.vcpus, 2);
  EXPECT_EQ(spec.vcpus_max, 4);
  EXPECT_EQ(spec.firmware, hypervisor::Firmware::uefi);
  EXPECT_EQ(spec.boot_order, "ndc");
  EXPECT_TRUE(spec.rtc_localtime);
  EXPECT_TRUE(spec.vnc);
  EXPECT_EQ(spec.platform.at("timeoffset"), "-60");
  EXPECT_EQ(spec.platform.at("videoram"), "32");
  EXPECT_EQ(spec.platform.at("vga"), "cirrus");
  EXPECT_EQ(spec.platform.at("viridian"), "true");
  EXPECT_EQ(spec.platform.at("usb_tablet"), "true");
  EXPECT_EQ(spec.on_reboot, hypervisor::OnEvent::destroy);
  EXPECT_EQ(spec.on_crash, hypervisor::OnEvent::preserve);
  ASSERT_EQ(spec.disks.size(), 3u);
  EXPECT_EQ(spec.disks[0].device, "0");
  EXPECT_EQ(spec.disks[0].format, hypervisor::DiskFormat::qcow2);
  EXPECT_TRUE(spec.disks[0].read_only && spec.disks[0].bootable);
  EXPECT_EQ(spec.disks[1].path, "/dev/vg/b");
  EXPECT_FALSE(spec.disks[1].bootable);
  EXPECT_EQ(spec.disks[2].device, "3");
  EXPECT_TRUE(spec.disks[2].cdrom && spec.disks[2].path.empty());
  ASSERT_EQ(spec.nics.size(), 2u);
  EXPECT_EQ(spec.nics[0].bridge, "br0");
  EXPECT_EQ(spec.nics[0].mac, "00:16:3e:01:02:03");
  EXPECT_EQ(spec.nics[0].mtu, 9000);
  EXPECT_EQ(spec.nics[0].host_device, "tap7");
  EXPECT_EQ(spec.nics[1].bridge, "xenbr0");
  EXPECT_TRUE(spec.nics[1].mac.starts_with("00:16:3e:"));
}

TEST(XlVmSpec, TheTypeIsXensOwn) {
  const std::string guest = "name='x'\nmemory=64\nkernel='/k'\n";
  EXPECT_EQ(spec_of(guest, true).spec.type, hypervisor::GuestType::pv);
  EXPECT_EQ(spec_of(guest + "type='pvh'\n", true).spec.type, hypervisor::GuestType::pvh);
  EXPECT_EQ(spec_of(guest + "type='hvm'\n", true).spec.type, hypervisor::GuestType::hvm);
  EXPECT_EQ(spec_of(guest + "type='pvh'\n").spec.type, hypervisor::GuestType::hvm);
}

TEST(XlVmSpec, DirectKernel) {
  const auto spec =
      spec_of("name='x'\nmemory=64\nkernel='/k'\nramdisk='/r'\nroot='/dev/a'\nextra='ro'").spec;
  ASSERT_TRUE(spec.direct_kernel);
  EXPECT_EQ(spec.direct_kernel->kernel, "/k");
  EXPECT_EQ(spec.direct_kernel->ramdisk, "/r");
  EXPECT_EQ(spec.direct_kernel->command_line, "root=/dev/a ro");
  EXPECT_FALSE(spec.vnc);
  EXPECT_EQ(spec.vcpus, 1);
  // Xen's GRUB is of no use to QEMU, which boots from the disk itself.
  const std::string pvgrub = "name='x'\ntype='pvh'\nfirmware='pvgrub64'\nmemory=64\n";
  EXPECT_FALSE(spec_of(pvgrub).spec.direct_kernel);
  EXPECT_TRUE(spec_of(pvgrub, true).spec.direct_kernel);
}

TEST(XlVmSpec, NothingIsLostInSilence) {
  const std::string text = hvm + "hap=1\ncpu_weight=5\ncpus_soft='0'\nspice=1\n";
  const auto kvm = spec_of(text).warnings;
  ASSERT_EQ(kvm.size(), 2u);
  EXPECT_NE(kvm[0].find("does not run Xen"), std::string::npos);
  EXPECT_TRUE(kvm[0].ends_with(": hap, cpu_weight"));
  EXPECT_TRUE(kvm[1].ends_with("not carried to the guest yet: cpus_soft, spice"));
  // There libxl is given the whole configuration.
  const std::string devices = "disk=['/a,,xvda,discard']\nvif=['rate=1MB/s,backend=d']\n";
  EXPECT_EQ(spec_of(text + devices + "on_crash='coredump-restart'", true).warnings,
            std::vector<std::string>{});
  const auto xen = spec_of(text + "on_soft_reset='destroy'", true).warnings;
  ASSERT_EQ(xen.size(), 1u);
  EXPECT_TRUE(xen[0].ends_with(": on_soft_reset"));
  EXPECT_EQ(spec_of(hvm + "disk=['/a,,xvda,backendtype=phy,discard']").warnings.at(0),
            "disk xvda: not carried to the guest yet: backendtype=phy, discard");
  EXPECT_EQ(spec_of(hvm + "vif=['ip=10.0.0.1,rate=1MB/s,model=e1000']").warnings.at(0),
            "vif 0: not carried to the guest yet: model, ip, rate");
  EXPECT_EQ(spec_of(hvm + "on_crash='coredump-restart'").warnings.at(0),
            "on_crash=coredump_restart is not carried to the guest yet; it is restarted");
  EXPECT_EQ(spec_of(hvm + "on_crash='coredump-destroy'").warnings.at(0),
            "on_crash=coredump_destroy is not carried to the guest yet; it is destroyed");
}

TEST(XlVmSpec, DisksThatOnlyLibxlCanTellAreLeftToIt) {
  const std::string disks =
      "disk=['/a,,xvda','/b,vhd,xvdb','/c,,xvdc,script=s','/d,,xvdd,backend=d']";
  const auto spec = spec_of(hvm + disks, true).spec;
  ASSERT_EQ(spec.disks.size(), 1u);
  EXPECT_EQ(spec.disks[0].path, "/a");
}

TEST(XlVmSpec, PlacementOfVirtualCpus) {
  const auto params = [](const std::string& text) { return spec_of(hvm + text).spec.vcpus_params; };
  using Params = std::map<std::string, std::string>;
  EXPECT_EQ(params("vcpus=2\ncpus=['0','0']\ncpu_weight=512\ncap=50"),
            (Params{{"mask0", "0"}, {"mask1", "0"}, {"weight", "512"}, {"cap", "50"}}));
  EXPECT_EQ(params("vcpus=2"), Params{});
}

TEST(XlVmSpec, WhatWouldChangeTheGuestIsRefused) {
  const auto error_of = [](const std::string& text) { return refused([&] { spec_of(text); }); };
  EXPECT_NE(error_of("name='x'\ntype='hvm'").find("needs memory"), std::string::npos);
  EXPECT_NE(error_of(hvm + "maxmem=32").find("maxmem (32 MiB) is less"), std::string::npos);
  EXPECT_NE(error_of(hvm + "disk=['/a,vhd,xvda']").find("format vhd"), std::string::npos);
  EXPECT_NE(error_of(hvm + "disk=['/a,,xvda,script=s']").find("scripts"), std::string::npos);
  EXPECT_NE(error_of(hvm + "disk=['/a,,xvda,backend=d']").find("driver domains"),
            std::string::npos);
  EXPECT_NE(error_of(hvm + "disk=['/a,,xvda1']").find("expected a vdev"), std::string::npos);
  EXPECT_NE(error_of(hvm + "disk=['/a,,xvda','/b,,hda']").find("two disks at the position 0"),
            std::string::npos);
  EXPECT_NE(error_of(hvm + "vif=['backend=d']").find("driver domains"), std::string::npos);
  EXPECT_NE(error_of(hvm + "vif=['vifname=0123456789abcdef']").find("at most 15"),
            std::string::npos);
}

}  // namespace
}  // namespace xcp::xl
