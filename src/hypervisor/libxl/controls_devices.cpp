// SPDX-License-Identifier: GPL-2.0-or-later
// Paravirtual devices of domains of any maker; see controls.hpp. libxl has the same handful of
// functions for each kind of device: templates call them.
#include <array>
#include <cstdio>

#include "hypervisor/libxl/control_words.hpp"
#include "hypervisor/libxl/controls.hpp"
#include "hypervisor/libxl/domain_config.hpp"

namespace xcp::hypervisor::libxl {

namespace {

using Devices = std::vector<XenDevice>;

void fill_ends(XenDevice& device, const auto& info) {
  device.devid = info.devid;
  device.backend_domid = info.backend_id;
  device.frontend_domid = info.frontend_id;
  device.state = info.state;
  device.backend_path = text_of(info.backend);
  device.frontend_path = text_of(info.frontend);
}

void fill_ring(XenDevice& device, const auto& info) {
  device.event_channel = info.evtch;
  device.ring_ref = info.rref;
}

// `fill(device of XenControls, device of libxl, its info)`. A device that vanishes meanwhile is
// left out.
template <class Info, void init(Info*), void dispose(Info*)>
Devices devices_of(Context& context, std::uint32_t domid, const auto& list, auto get_info,
                   auto fill) {
  Devices devices;
  for (const auto& item : list) {
    Owned<Info, init, dispose> info;
    if (get_info(context, domid, &item, &info.value) != 0) continue;
    XenDevice& device = devices.emplace_back();
    fill_ends(device, info.value);
    fill(device, item, info.value);
  }
  return devices;
}

std::string mac_text(const libxl_mac& mac) {
  std::array<char, 18> text;
  snprintf(text.data(), text.size(), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
           mac[3], mac[4], mac[5]);
  return text.data();
}

Devices disks(Context& context, std::uint32_t domid) {
  int count = 0;
  libxl_device_disk* items = libxl_device_disk_list(context, domid, &count);
  return devices_of<libxl_diskinfo, libxl_diskinfo_init, libxl_diskinfo_dispose>(
      context, domid, List<libxl_device_disk, int, libxl_device_disk_list_free>(items, count),
      libxl_device_disk_getinfo, [](XenDevice& device, const auto& disk, const auto& info) {
        fill_ring(device, info);
        device.id = text_of(disk.vdev);
      });
}

Devices nics(Context& context, std::uint32_t domid) {
  int count = 0;
  libxl_device_nic* items = libxl_device_nic_list(context, domid, &count);
  return devices_of<libxl_nicinfo, libxl_nicinfo_init, libxl_nicinfo_dispose>(
      context, domid, List<libxl_device_nic, int, libxl_device_nic_list_free>(items, count),
      libxl_device_nic_getinfo, [](XenDevice& device, const auto& nic, const auto& info) {
        device.event_channel = info.evtch;
        device.ring_ref = info.rref_tx;
        device.second_ring_ref = info.rref_rx;
        device.id = mac_text(nic.mac);
      });
}

Devices vtpms(Context& context, std::uint32_t domid) {
  int count = 0;
  libxl_device_vtpm* items = libxl_device_vtpm_list(context, domid, &count);
  return devices_of<libxl_vtpminfo, libxl_vtpminfo_init, libxl_vtpminfo_dispose>(
      context, domid, List<libxl_device_vtpm, int, libxl_device_vtpm_list_free>(items, count),
      libxl_device_vtpm_getinfo, [](XenDevice& device, const auto&, const auto& info) {
        fill_ring(device, info);
        device.id = uuid_text(info.uuid);
      });
}

void free_channels(libxl_device_channel* channels, int count) {
  for (int i = 0; i < count; ++i) libxl_device_channel_dispose(&channels[i]);
  free(channels);
}

Devices channels(Context& context, std::uint32_t domid) {
  int count = 0;
  libxl_device_channel* items = libxl_device_channel_list(context, domid, &count);
  return devices_of<libxl_channelinfo, libxl_channelinfo_init, libxl_channelinfo_dispose>(
      context, domid, List<libxl_device_channel, int, free_channels>(items, count),
      libxl_device_channel_getinfo, [](XenDevice& device, const auto& channel, const auto& info) {
        fill_ring(device, info);
        device.type = text_of(libxl_channel_connection_to_string(channel.connection));
        if (channel.connection == LIBXL_CHANNEL_CONNECTION_PTY)
          device.path = text_of(info.u.pty.path);
        if (channel.connection == LIBXL_CHANNEL_CONNECTION_SOCKET)
          device.path = text_of(channel.u.socket.path);
      });
}

Devices vkbs(Context& context, std::uint32_t domid) {
  int count = 0;
  libxl_device_vkb* items = libxl_device_vkb_list(context, domid, &count);
  return devices_of<libxl_vkbinfo, libxl_vkbinfo_init, libxl_vkbinfo_dispose>(
      context, domid, List<libxl_device_vkb, int, libxl_device_vkb_list_free>(items, count),
      libxl_device_vkb_getinfo, [](XenDevice& device, const auto& vkb, const auto& info) {
        fill_ring(device, info);
        device.id = text_of(vkb.unique_id);
        device.type = text_of(libxl_vkb_backend_to_string(vkb.backend_type));
      });
}

Devices vsnds(Context& context, std::uint32_t domid) {
  int count = 0;
  libxl_device_vsnd* items = libxl_device_vsnd_list(context, domid, &count);
  return devices_of<libxl_vsndinfo, libxl_vsndinfo_init, libxl_vsndinfo_dispose>(
      context, domid, List<libxl_device_vsnd, int, libxl_device_vsnd_list_free>(items, count),
      libxl_device_vsnd_getinfo, [](XenDevice& device, const auto& card, const auto& info) {
        device.id = text_of(card.short_name);
        device.type = text_of(card.long_name);
        for (int p = 0; p < info.num_vsnd_pcms && p < card.num_vsnd_pcms; ++p) {
          const libxl_vsnd_pcm& pcm = card.pcms[p];
          const libxl_pcminfo& seen = info.pcms[p];
          for (int s = 0; s < seen.num_vsnd_streams && s < pcm.num_vsnd_streams; ++s) {
            XenDevice::Part& part = device.parts.emplace_back();
            part.group = text_of(pcm.name);
            part.id = text_of(pcm.streams[s].unique_id);
            part.type = text_of(libxl_vsnd_stream_type_to_string(pcm.streams[s].type));
            part.event_channel = seen.streams[s].req_evtch;
            part.ring_ref = seen.streams[s].req_rref;
          }
        }
      });
}

Devices vdispls(Context& context, std::uint32_t domid) {
  int count = 0;
  libxl_device_vdispl* items = libxl_device_vdispl_list(context, domid, &count);
  return devices_of<libxl_vdisplinfo, libxl_vdisplinfo_init, libxl_vdisplinfo_dispose>(
      context, domid, List<libxl_device_vdispl, int, libxl_device_vdispl_list_free>(items, count),
      libxl_device_vdispl_getinfo, [](XenDevice& device, const auto&, const auto& info) {
        device.backend_allocates = info.be_alloc;
        for (int i = 0; i < info.num_connectors; ++i) {
          const libxl_connectorinfo& connector = info.connectors[i];
          XenDevice::Part& part = device.parts.emplace_back();
          part.id = text_of(connector.unique_id);
          part.width = connector.width;
          part.height = connector.height;
          part.event_channel = connector.req_evtch;
          part.ring_ref = connector.req_rref;
          part.second_event_channel = connector.evt_evtch;
          part.second_ring_ref = connector.evt_rref;
        }
      });
}

Devices usb_controllers(Context& context, std::uint32_t domid) {
  int count = 0;
  libxl_device_usbctrl* items = libxl_device_usbctrl_list(context, domid, &count);
  return devices_of<libxl_usbctrlinfo, libxl_usbctrlinfo_init, libxl_usbctrlinfo_dispose>(
      context, domid, List<libxl_device_usbctrl, int, libxl_device_usbctrl_list_free>(items, count),
      libxl_device_usbctrl_getinfo, [](XenDevice& device, const auto&, const auto& info) {
        device.event_channel = info.evtch;
        device.ring_ref = info.ref_urb;
        device.second_ring_ref = info.ref_conn;
        device.type = text_of(libxl_usbctrl_type_to_string(info.type));
        device.version = info.version;
        device.ports = info.ports;
      });
}

[[noreturn]] void not_by_description(XenDeviceKind kind) {
  throw Failure("OPERATION_NOT_ALLOWED",
                {std::string(boost::describe::enum_to_string(kind, "")) +
                 " is plugged and unplugged through the other contract, or only at the start"});
}

template <class T, void init(T*), void dispose(T*)>
int attach(Context& context, std::uint32_t domid, const std::string& description, auto read,
           auto add) {
  Owned<T, init, dispose> device;
  if (read(context, &device.value, description.c_str()) != 0)
    throw Failure("INVALID_VALUE", {"description", description});
  return add(context, domid, &device.value, nullptr);
}

// nullopt: there is no such device.
template <class T, void init(T*), void dispose(T*)>
std::optional<int> detach(Context& context, std::uint32_t domid, int devid, auto find,
                          auto remove) {
  Owned<T, init, dispose> device;
  if (find(context, domid, devid, &device.value) != 0) return std::nullopt;
  return remove(context, domid, &device.value, nullptr);
}

}  // namespace

std::vector<XenDevice> Controls::devices(std::int64_t domid, XenDeviceKind kind) {
  Context context;
  const std::uint32_t number = there(context, domid);
  switch (kind) {
    case XenDeviceKind::disk:
      return disks(context, number);
    case XenDeviceKind::nic:
      return nics(context, number);
    case XenDeviceKind::vtpm:
      return vtpms(context, number);
    case XenDeviceKind::channel:
      return channels(context, number);
    case XenDeviceKind::vkb:
      return vkbs(context, number);
    case XenDeviceKind::vsnd:
      return vsnds(context, number);
    case XenDeviceKind::vdispl:
      return vdispls(context, number);
    case XenDeviceKind::usb_controller:
      return usb_controllers(context, number);
  }
  return {};
}

#define XCP_DEVICE(name) \
  libxl_device_##name, libxl_device_##name##_init, libxl_device_##name##_dispose
#define XCP_ATTACH(name)                                                                  \
  attach<XCP_DEVICE(name)>(context, number, description, libxl_device_##name##_from_json, \
                           libxl_device_##name##_add)
#define XCP_DETACH(name)                                                         \
  detach<XCP_DEVICE(name)>(context, number, which, libxl_devid_to_device_##name, \
                           libxl_device_##name##_remove)

void Controls::attach_device(std::int64_t domid, XenDeviceKind kind, std::string description) {
  Context context;
  const std::uint32_t number = there(context, domid);
  int code = 0;
  switch (kind) {
    case XenDeviceKind::vtpm:
      code = XCP_ATTACH(vtpm);
      break;
    case XenDeviceKind::vkb:
      code = XCP_ATTACH(vkb);
      break;
    case XenDeviceKind::vsnd:
      code = XCP_ATTACH(vsnd);
      break;
    case XenDeviceKind::vdispl:
      code = XCP_ATTACH(vdispl);
      break;
    case XenDeviceKind::usb_controller:
      code = XCP_ATTACH(usbctrl);
      break;
    case XenDeviceKind::disk:
    case XenDeviceKind::nic:
    case XenDeviceKind::channel:
      not_by_description(kind);
  }
  context.check(code, "cannot add the device to domain " + std::to_string(domid));
}

bool Controls::detach_device(std::int64_t domid, XenDeviceKind kind, std::int64_t devid) {
  Context context;
  const std::uint32_t number = there(context, domid);
  const int which = static_cast<int>(devid);
  std::optional<int> code;
  switch (kind) {
    case XenDeviceKind::vtpm:
      code = XCP_DETACH(vtpm);
      break;
    case XenDeviceKind::vkb:
      code = XCP_DETACH(vkb);
      break;
    case XenDeviceKind::vsnd:
      code = XCP_DETACH(vsnd);
      break;
    case XenDeviceKind::vdispl:
      code = XCP_DETACH(vdispl);
      break;
    case XenDeviceKind::usb_controller:
      code = XCP_DETACH(usbctrl);
      break;
    case XenDeviceKind::disk:
    case XenDeviceKind::nic:
    case XenDeviceKind::channel:
      not_by_description(kind);
  }
  if (!code) return false;
  context.check(*code, "cannot take the device from domain " + std::to_string(domid));
  return true;
}

}  // namespace xcp::hypervisor::libxl
