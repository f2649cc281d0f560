// SPDX-License-Identifier: GPL-2.0-or-later
// Watching and sharing of caches and memory bandwidth; see controls.hpp.
#include "hypervisor/libxl/control_words.hpp"
#include "hypervisor/libxl/controls.hpp"

namespace xcp::hypervisor::libxl {

namespace {

void free_sockets(libxl_psr_hw_info* infos, unsigned count) {
  libxl_psr_hw_info_list_free(infos, count);
}
using SocketList = List<libxl_psr_hw_info, unsigned, free_sockets>;

libxl_psr_cmt_type monitor_of(XenPsrMonitor what) {
  switch (what) {
    case XenPsrMonitor::cache_occupancy:
      return LIBXL_PSR_CMT_TYPE_CACHE_OCCUPANCY;
    case XenPsrMonitor::total_bandwidth:
      return LIBXL_PSR_CMT_TYPE_TOTAL_MEM_COUNT;
    case XenPsrMonitor::local_bandwidth:
      return LIBXL_PSR_CMT_TYPE_LOCAL_MEM_COUNT;
  }
  return LIBXL_PSR_CMT_TYPE_CACHE_OCCUPANCY;
}

libxl_psr_type value_of(XenPsrValue what) {
  switch (what) {
    case XenPsrValue::l3_mask:
      return LIBXL_PSR_CBM_TYPE_L3_CBM;
    case XenPsrValue::l3_code_mask:
      return LIBXL_PSR_CBM_TYPE_L3_CBM_CODE;
    case XenPsrValue::l3_data_mask:
      return LIBXL_PSR_CBM_TYPE_L3_CBM_DATA;
    case XenPsrValue::l2_mask:
      return LIBXL_PSR_CBM_TYPE_L2_CBM;
    case XenPsrValue::throttle:
      return LIBXL_PSR_CBM_TYPE_MBA_THRTL;
  }
  return LIBXL_PSR_CBM_TYPE_UNKNOWN;
}

Numbers sockets_of(Context& context) {
  Bitmap sockets;
  context.check(libxl_socket_bitmap_alloc(context, sockets.get(), 0), "cannot count the sockets");
  context.check(libxl_get_online_socketmap(context, sockets.get()), "cannot list the sockets");
  return numbers_of(*sockets.get());
}

unsigned level_of(XenPsrFeature feature) {
  switch (feature) {
    case XenPsrFeature::l3_cache:
      return 3;
    case XenPsrFeature::l2_cache:
      return 2;
    case XenPsrFeature::memory_bandwidth:
      return 0;
  }
  return 0;
}

}  // namespace

XenPsrMonitoring Controls::psr_monitoring() {
  Context context;
  XenPsrMonitoring monitoring;
  monitoring.enabled = libxl_psr_cmt_enabled(context) != 0;
  if (!monitoring.enabled) return monitoring;
  std::uint32_t ids = 0;
  context.check(libxl_psr_cmt_get_total_rmid(context, &ids), "cannot count the ids of monitoring");
  monitoring.ids = ids;
  for (const XenPsrMonitor what : {XenPsrMonitor::cache_occupancy, XenPsrMonitor::total_bandwidth,
                                   XenPsrMonitor::local_bandwidth})
    if (libxl_psr_cmt_type_supported(context, monitor_of(what)) != 0)
      monitoring.supported.push_back(what);
  monitoring.sockets = sockets_of(context);
  return monitoring;
}

void Controls::psr_monitor(std::int64_t domid, bool on) {
  Context context;
  const std::uint32_t number = there(context, domid);
  context.check(on ? libxl_psr_cmt_attach(context, number) : libxl_psr_cmt_detach(context, number),
                "cannot change the monitoring of domain " + std::to_string(domid));
}

std::optional<XenPsrSample> Controls::psr_sample(std::int64_t domid, XenPsrMonitor what,
                                                 std::int64_t socket) {
  Context context;
  const std::uint32_t number = there(context, domid);
  if (libxl_psr_cmt_domain_attached(context, number) == 0) return std::nullopt;
  XenPsrSample sample;
  context.check(
      libxl_psr_cmt_get_sample(context, number, monitor_of(what),
                               static_cast<std::uint64_t>(socket), &sample.value, &sample.clock),
      "cannot read what domain " + std::to_string(domid) + " uses");
  return sample;
}

std::vector<XenPsrSocket> Controls::psr_sockets(XenPsrFeature feature) {
  Context context;
  const bool of_bandwidth = feature == XenPsrFeature::memory_bandwidth;
  unsigned count = 0;
  libxl_psr_hw_info* infos = nullptr;
  context.check(libxl_psr_get_hw_info(
                    context, of_bandwidth ? LIBXL_PSR_FEAT_TYPE_MBA : LIBXL_PSR_FEAT_TYPE_CAT,
                    level_of(feature), &count, &infos),
                "Failed to get info");
  std::vector<XenPsrSocket> sockets;
  for (const libxl_psr_hw_info& info : SocketList(infos, static_cast<int>(count))) {
    XenPsrSocket& socket = sockets.emplace_back();
    socket.socket = info.id;
    if (of_bandwidth) {
      socket.classes_max = info.u.mba.cos_max;
      socket.throttle_max = info.u.mba.thrtl_max;
      socket.linear = info.u.mba.linear;
      continue;
    }
    socket.classes_max = info.u.cat.cos_max;
    socket.mask_bits = info.u.cat.cbm_len;
    socket.code_and_data = info.u.cat.cdp_enabled;
    std::uint32_t kib = 0;
    if (feature == XenPsrFeature::l3_cache &&
        libxl_psr_cmt_get_l3_cache_size(context, info.id, &kib) == 0)
      socket.cache_kib = kib;
  }
  return sockets;
}

std::int64_t Controls::psr_value(std::int64_t domid, XenPsrValue what, std::int64_t socket) {
  Context context;
  const std::uint32_t number = there(context, domid);
  std::uint64_t value = 0;
  context.check(
      libxl_psr_get_val(context, number, value_of(what), static_cast<unsigned>(socket), &value),
      "cannot read what domain " + std::to_string(domid) + " may use");
  return static_cast<std::int64_t>(value);
}

void Controls::set_psr_value(std::int64_t domid, XenPsrValue what, Numbers sockets,
                             std::int64_t value) {
  Context context;
  const std::uint32_t number = there(context, domid);
  Bitmap map(sockets.empty() ? sockets_of(context) : sockets);
  context.check(libxl_psr_set_val(context, number, value_of(what), map.get(),
                                  static_cast<std::uint64_t>(value)),
                "cannot change what domain " + std::to_string(domid) + " may use");
}

}  // namespace xcp::hypervisor::libxl
