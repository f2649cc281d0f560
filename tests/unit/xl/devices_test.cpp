// SPDX-License-Identifier: GPL-2.0-or-later
// The languages of the other devices: every key, and what is refused.
#include "xl/cfg/devices.hpp"

#include "refused.hpp"

namespace xcp::xl::cfg {
namespace {

Warnings ignored;

TEST(Pci, Addresses) {
  const Pci pci = parse_pci("ffff:01:1f.7@1f", {});
  EXPECT_EQ(pci.domain, 0xffff);
  EXPECT_EQ(pci.bus, 1);
  EXPECT_EQ(pci.dev, 0x1f);
  EXPECT_EQ(pci.func, 7);
  EXPECT_EQ(pci.vdevfn, 0x1f << 3);
  EXPECT_EQ(pci.vfunc_mask, 1);
  EXPECT_EQ(parse_pci("01:00.*", {}).vfunc_mask, 0xffffffff);
  for (const char* wrong : {"", "xx", "01:00", "01:00.8", "01:20.0", "01:00.0@20", "01:00.0-3",
                            "100:00.0", " 01:00.0", "01:00.0x"})
    refused([&] { parse_pci(wrong, {}); }, 6);
}

TEST(Pci, Settings) {
  Pci defaults;
  defaults.seize = true;
  const Pci pci = parse_pci(
      "01:00.0,permissive=1,msitranslate=1,power_mgmt=1,seize=0,rdm_policy=relaxed,name=n",
      defaults);
  EXPECT_TRUE(pci.permissive && pci.msitranslate && pci.power_mgmt);
  EXPECT_FALSE(pci.seize);
  EXPECT_EQ(pci.rdm_policy, "relaxed");
  EXPECT_EQ(pci.name, "n");
  const Pci named = parse_pci("bdf=02:03.4,vslot=5", defaults);
  EXPECT_EQ(named.bus, 2);
  EXPECT_EQ(named.vdevfn, 5 << 3);
  EXPECT_TRUE(named.seize);
  EXPECT_EQ(parse_pci("name=foo", {}).name, "foo");
  refused([] { parse_pci("01:00.0,bad=1", {}); }, 6);
  refused([] { parse_pci("01:00.0,power_mgmt", {}); }, 6);
  refused([] { parse_pci("01:00.0,seize=2", {}); }, 6);
  refused([] { parse_pci("seize=1", {}); }, 6);
  refused([] { parse_pci("01:00.0,rdm_policy=foo", {}); }, 3);
}

TEST(Rdm, Words) {
  EXPECT_EQ(parse_rdm("strategy=host").policy, "strict");
  EXPECT_EQ(parse_rdm("strategy=host,policy=relaxed").policy, "relaxed");
  EXPECT_EQ(parse_rdm("policy=strict").strategy, "ignore");
  refused([] { parse_rdm("strategy=foo"); });
  refused([] { parse_rdm("policy=foo"); });
  refused([] { parse_rdm("foo=host"); });
}

TEST(Vtpm, Keys) {
  const std::string uuid = "00000000-1111-2222-3333-444444444444";
  const Vtpm vtpm = parse_vtpm("backend=drv,uuid=" + uuid);
  EXPECT_EQ(vtpm.backend_domname, "drv");
  EXPECT_EQ(vtpm.uuid, uuid);
  refused([] { parse_vtpm(""); });
  refused([] { parse_vtpm("backend=d,uuid=zz"); });
  refused([] { parse_vtpm("backend=d,foo=1"); });
}

TEST(P9, Keys) {
  const P9 p9 = parse_p9(
      "tag=t,path=/p,security_model=none,backend=d,type=xen_9pfsd,max-files=1,max-open-files=2,"
      "max-space=3,auto-delete=1",
      ignored);
  EXPECT_EQ(p9.tag + p9.path + p9.security_model, "t/pnone");
  EXPECT_EQ(p9.backend_domname, "d");
  EXPECT_EQ(p9.type, "xen_9pfsd");
  EXPECT_EQ(p9.max_files, 1);
  EXPECT_EQ(p9.max_open_files, 2);
  EXPECT_EQ(p9.max_space, 3);
  EXPECT_EQ(p9.auto_delete, true);
  refused([] { parse_p9("tag=t", ignored); });
  refused([] { parse_p9("tag=t,path=/p,security_model=none,type=foo", ignored); });
  refused([] { parse_p9("foo=t", ignored); });
}

TEST(PvCalls, Keys) {
  EXPECT_EQ(parse_pvcalls("backend=d").backend_domname, "d");
  EXPECT_FALSE(parse_pvcalls("").backend_domname);
  refused([] { parse_pvcalls("foo=1"); });
}

TEST(Vfb, Keys) {
  Warnings warnings;
  const Vfb vfb = parse_vfb(
      "vnc=1,vnclisten=1.2.3.4:3,vncpasswd=p,vncdisplay=2,vncunused=0,keymap=de,sdl=1,opengl=1,"
      "display=d,xauthority=x",
      warnings);
  EXPECT_TRUE(warnings.empty());
  EXPECT_EQ(vfb.vnc.enable, true);
  EXPECT_EQ(vfb.vnc.listen, "1.2.3.4:3");
  EXPECT_EQ(vfb.vnc.passwd, "p");
  EXPECT_EQ(vfb.vnc.display, 2);
  EXPECT_EQ(vfb.vnc.findunused, false);
  EXPECT_EQ(vfb.keymap, "de");
  EXPECT_EQ(vfb.sdl.enable, true);
  EXPECT_EQ(vfb.sdl.opengl, true);
  EXPECT_EQ(vfb.sdl.display, "d");
  EXPECT_EQ(vfb.sdl.xauthority, "x");
  parse_vfb("foo=1", warnings);
  EXPECT_EQ(warnings.size(), 1u);
}

TEST(Channel, Keys) {
  const Channel socket = parse_channel("name=a,connection=socket,path=/p,backend=d", ignored);
  EXPECT_EQ(socket.name, "a");
  EXPECT_EQ(socket.connection, "socket");
  EXPECT_EQ(socket.path, "/p");
  EXPECT_EQ(socket.backend_domname, "d");
  EXPECT_EQ(parse_channel("connection=pty", ignored).connection, "pty");
  refused([] { parse_channel("connection=socket", ignored); });
  refused([] { parse_channel("name=a", ignored); });
  refused([] { parse_channel("connection=foo", ignored); });
}

TEST(Usb, Controllers) {
  const UsbController controller = parse_usb_controller("type=pv,version=2,ports=4");
  EXPECT_EQ(controller.type, "pv");
  EXPECT_EQ(controller.version, 2);
  EXPECT_EQ(controller.ports, 4);
  EXPECT_FALSE(parse_usb_controller("type=auto").type);
  EXPECT_EQ(parse_usb_controller("type=qusb").type, "qusb");
  EXPECT_EQ(parse_usb_controller("type=devicemodel").type, "devicemodel");
  refused([] { parse_usb_controller("type=foo"); });
  refused([] { parse_usb_controller("ports=x"); });
  refused([] { parse_usb_controller("foo=1"); });
}

TEST(Usb, Devices) {
  const UsbDevice device =
      parse_usb_device("hostbus=1,type=hostdev,hostaddr=3,controller=0,port=2");
  EXPECT_TRUE(device.hostdev);
  EXPECT_EQ(device.hostbus, 1);
  EXPECT_EQ(device.hostaddr, 3);
  EXPECT_EQ(device.ctrl, 0);
  EXPECT_EQ(device.port, 2);
  refused([] { parse_usb_device("type=foo"); });
  refused([] { parse_usb_device("hostbus=300"); });
  refused([] { parse_usb_device("foo=1"); });
}

TEST(Vdispl, Keys) {
  const Vdispl display = parse_vdispl("backend=d,be-alloc=1,connectors=id0:1920x1080;id1:800x600");
  EXPECT_EQ(display.backend_domname, "d");
  EXPECT_TRUE(display.be_alloc);
  ASSERT_EQ(display.connectors.size(), 2u);
  EXPECT_EQ(display.connectors[1].unique_id, "id1");
  EXPECT_EQ(display.connectors[1].width, 800);
  EXPECT_EQ(display.connectors[1].height, 600);
  for (const char* wrong : {"", "connectors=x", "connectors=a:1", "connectors=a:1x", "be-alloc=x",
                            "foo=1", "connectors=:1x1"})
    refused([&] { parse_vdispl(wrong); });
}

TEST(Vkb, Keys) {
  const Vkb vkb = parse_vkb(
      "backend-type=qemu,unique-id=u,backend=d,feature-disable-keyboard=1,"
      "feature-disable-pointer=1,feature-abs-pointer=1,feature-raw-pointer=1,"
      "feature-multi-touch=1,multi-touch-width=1,multi-touch-height=2,"
      "multi-touch-num-contacts=3,width=4,height=5");
  EXPECT_EQ(vkb.backend_type, "qemu");
  EXPECT_EQ(vkb.unique_id, "u");
  EXPECT_EQ(vkb.backend_domname, "d");
  EXPECT_TRUE(vkb.feature_disable_keyboard && vkb.feature_disable_pointer &&
              vkb.feature_abs_pointer && vkb.feature_raw_pointer && vkb.feature_multi_touch);
  EXPECT_EQ(
      vkb.multi_touch_width * 100 + vkb.multi_touch_height * 10 + vkb.multi_touch_num_contacts,
      123);
  EXPECT_EQ(vkb.width, 4);
  EXPECT_EQ(vkb.height, 5);
  for (const char* wrong :
       {"", "backend-type=foo", "backend-type=qemu,foo=1", "backend-type=qemu,width=x"})
    refused([&] { parse_vkb(wrong); });
}

TEST(Vsnd, Levels) {
  const Vsnd card =
      parse_vsnd({"card, backend=d, short-name=a, long-name=b c, buffer-size=65536, "
                  "sample-rates=8000;44100, sample-formats=s16_le;u8, "
                  "channels-min=1, channels-max=2",
                  "pcm, name=p0, buffer-size=1", "stream, unique-id=s0, type=p",
                  "stream, type=c, channels-max=1", "pcm, name=p1"});
  EXPECT_EQ(card.backend_domname, "d");
  EXPECT_EQ(card.short_name, "a");
  EXPECT_EQ(card.long_name, "b c");
  EXPECT_EQ(card.params.buffer_size, 65536);
  EXPECT_EQ(card.params.sample_rates, (Bits{8000, 44100}));
  EXPECT_EQ(card.params.sample_formats, (Texts{"s16_le", "u8"}));
  EXPECT_EQ(card.params.channels_min, 1);
  ASSERT_EQ(card.pcms.size(), 2u);
  EXPECT_EQ(card.pcms[0].params.buffer_size, 1);
  ASSERT_EQ(card.pcms[0].streams.size(), 2u);
  EXPECT_EQ(card.pcms[0].streams[1].type, "c");
  EXPECT_EQ(card.pcms[0].streams[1].params.channels_max, 1);
  refused([] { parse_vsnd({"stream, type=p"}); });
  refused([] { parse_vsnd({"card", "pcm", "stream,type=x"}); });
  refused([] { parse_vsnd({"card,sample-formats=zz"}); });
  refused([] { parse_vsnd({"card,foo=1"}); });
  refused([] { parse_vsnd({"foo"}); });
}

TEST(Virtio, Keys) {
  const Virtio virtio = parse_virtio("backend=d,type=virtio,device22,transport=mmio,grant_usage=1");
  EXPECT_EQ(virtio.type, "virtio,device22");
  EXPECT_EQ(virtio.transport, "mmio");
  EXPECT_EQ(virtio.backend_domname, "d");
  EXPECT_EQ(virtio.grant_usage, true);
  refused([] { parse_virtio("type=foo,transport=mmio"); });
  refused([] { parse_virtio("type=virtio,device,transport=pci"); });
}

TEST(Uuid, Form) {
  EXPECT_TRUE(is_uuid("00000000-1111-2222-3333-44444444abCD"));
  EXPECT_FALSE(is_uuid("00000000-1111-2222-3333-44444444abC"));
  EXPECT_FALSE(is_uuid("00000000-1111-2222-33334-4444444abCD"));
}

}  // namespace
}  // namespace xcp::xl::cfg
