// SPDX-License-Identifier: GPL-2.0-or-later
// What a configuration must not say, what is ignored with a warning, and xl.conf.
#include "refused.hpp"
#include "xl/cfg/read_domain.hpp"

namespace xcp::xl::cfg {
namespace {

const std::string hvm = "name='x'\ntype='hvm'\nmemory=64\n";

Domain read(const std::string& text, Warnings& warnings) {
  Config config;
  config.add("f", text);
  return read_domain(config, HostCpus{8, {}, 1}, XlConf{}, warnings);
}

std::string error_of(const std::string& text, int status = 1) {
  Warnings warnings;
  return refused([&] { read(text, warnings); }, status);
}

std::string warning_of(const std::string& text) {
  Warnings warnings;
  read(hvm + text, warnings);
  return warnings.empty() ? "" : warnings.back();
}

TEST(ReadDomain, WhoItIs) {
  EXPECT_NE(error_of("memory=64").find("needs a name"), std::string::npos);
  EXPECT_NE(error_of("name='x'\nuuid='zz'").find("f:2:1: `zz' is no uuid"), std::string::npos);
  EXPECT_NE(error_of("name='x'\nuuid=''").find("no uuid"), std::string::npos);
  EXPECT_NE(error_of("name='x'\ntype='HVM'").find("expected pv, pvh or hvm"), std::string::npos);
  EXPECT_NE(error_of("name='x'\nbuilder='foo'").find("generic or hvm"), std::string::npos);
  EXPECT_NE(error_of(hvm + "builder='generic'").find("builder says pv and type says hvm"),
            std::string::npos);
  EXPECT_NE(error_of("name='x'").find("kernel or a bootloader"), std::string::npos);
  Warnings warnings;
  EXPECT_NE(read(hvm, warnings).c_info.uuid, read(hvm, warnings).c_info.uuid);
}

TEST(ReadDomain, WrongValuesAreRefused) {
  struct Row {
    const char* text;
    int status;
  };
  const Row rows[] = {{"on_crash='foo'", 1},
                      {"vcpus=4\nmaxvcpus=2", 1},
                      {"vcpus=99999", 1},
                      {"vcpus=2\ncpus='0-3,foo'", 1},
                      {"tsc_mode='foo'", 1},
                      {"tsc_mode=9", 1},
                      {"timer_mode='x'", 1},
                      {"altp2m=9", 1},
                      {"passthrough='foo'", 1},
                      {"bios='foo'", 1},
                      {"viridian=['foo']", 3},
                      {"viridian=['!all']", 3},
                      {"mmio_hole=4096", 1},
                      {"mmio_hole=0", 1},
                      {"ms_vm_genid='x'", 1},
                      {"mca_caps=['foo']", 3},
                      {"vga='foo'", 1},
                      {"hdtype='foo'", 1},
                      {"gfx_passthru='foo'", 1},
                      {"gfx_passthru='99999999999999999999x'", 1},
                      {"vendor_device='foo'", 3},
                      {"gic_version='foo'", 3},
                      {"vuart='foo'", 1},
                      {"device_model_version='foo'", 1},
                      {"device_model_args='a'", 3},
                      {"ioports=['zz']", 1},
                      {"ioports=['5-3']", 1},
                      {"irqs=['0x7']", 1},
                      {"iomem=['zz']", 1},
                      {"iomem=['1,1@zz']", 1},
                      {"pci=['xx']", 6},
                      {"pci=['01:00.0,rdm_policy=foo']", 3},
                      {"disk=['/a']", 1},
                      {"disk=[['/a,,hda']]", 1},
                      {"vif=['rate=foo']", 1},
                      {"vsnd=['card']", 1},
                      {"vnuma=['x']", 1},
                      {"vnuma=[['pnode=5','size=64','vcpus=0']]", 1},
                      {"maxmem=128\nvnuma=[['pnode=0','size=64','vcpus=0']]", 1},
                      {"vcpus=2\nvnuma=[['pnode=0','size=64','vcpus=0']]", 1},
                      {"memory='-1'", 1}};
  for (const Row& row : rows) {
    SCOPED_TRACE(row.text);
    EXPECT_FALSE(error_of(hvm + row.text, row.status).empty());
  }
  const std::string pvh = "name='x'\ntype='pvh'\nkernel='/k'\n";
  EXPECT_NE(error_of(pvh + "firmware='pvgrub64'").find("not both"), std::string::npos);
  EXPECT_NE(error_of("name='x'\ntype='pvh'\nfirmware='/f'").find("pvgrub"), std::string::npos);
}

TEST(ReadDomain, ErrorsOfDevicesSayWhere) {
  EXPECT_EQ(error_of(hvm + "\ndisk = ['/a']"), "f:5:1: disk: a vdev is missing in `/a'");
}

TEST(ReadDomain, WrongTypesAreWarningsAndIgnored) {
  EXPECT_EQ(warning_of("hap='x'"), "f:4:1: `hap' is not a number: x; ignored");
  EXPECT_EQ(warning_of("hap=[]"), "f:4:1: `hap' is a list but should be a single value; ignored");
  EXPECT_EQ(warning_of("disk='x'"),
            "f:4:1: `disk' is a single value but should be a list; ignored");
  EXPECT_NE(warning_of("maxmem=99999999999999999999").find("too large"), std::string::npos);
  EXPECT_NE(warning_of("memory+=5").find("+= is not for numbers"), std::string::npos);
  EXPECT_NE(warning_of("cmdline='a'\nroot='b'").find("root and extra are ignored"),
            std::string::npos);
  EXPECT_NE(warning_of("tsc_mode=1").find("write tsc_mode = \"always_emulate\""),
            std::string::npos);
  EXPECT_NE(warning_of("cpuid='host,foo=1'").find("no such flag"), std::string::npos);
}

TEST(XlConf, SettingsReachTheDomain) {
  Warnings warnings;
  const XlConf conf = read_xl_conf("xl.conf",
                                   "vif.default.bridge='br7'\nvifscript='s'\nclaim_mode=0\n"
                                   "run_hotplug_scripts=0\nmax_grant_frames=9\n"
                                   "autoballoon='off'\nnosuch=1\n",
                                   warnings);
  ASSERT_EQ(warnings.size(), 2u);
  EXPECT_NE(warnings[0].find("`nosuch' is not known"), std::string::npos);
  EXPECT_NE(warnings[1].find("write vif.default.script"), std::string::npos);
  EXPECT_EQ(conf.autoballoon, "off");
  Config config;
  config.add("f", hvm + "vif=['','bridge=own']");
  const Domain domain = read_domain(config, {}, conf, warnings);
  EXPECT_EQ(domain.nics[0].bridge, "br7");
  EXPECT_EQ(domain.nics[0].script, "s");
  EXPECT_EQ(domain.nics[1].bridge, "own");
  EXPECT_EQ(domain.b_info.claim_mode, false);
  EXPECT_EQ(domain.b_info.max_grant_frames, 9);
  EXPECT_EQ(domain.c_info.run_hotplug_scripts, false);
  refused([&] { read_xl_conf("xl.conf", "output_format='xml'", warnings); });
}

}  // namespace
}  // namespace xcp::xl::cfg
