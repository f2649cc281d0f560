// SPDX-License-Identifier: GPL-2.0-or-later
// The small languages of the other devices: all are `key=value` separated by commas. Pure. Each
// throws a refusal that names the device and the part that is wrong; what is harmless is a warning.
// devid is the device's position in its list and is set by the caller.
#pragma once

#include <string>
#include <vector>

#include "xl/cfg/domain.hpp"
#include "xl/cfg/reader.hpp"

namespace xcp::xl::cfg {

// Over `defaults` (pci_permissive and the like). "[ssss:]bb:dd.f[@vslot][,key=value...]"; f may be
// *.
Pci parse_pci(const std::string& text, const Pci& defaults);

struct Rdm {
  std::string strategy;  // ignore, host
  std::string policy;    // strict, relaxed
};
Rdm parse_rdm(const std::string& text);

Vtpm parse_vtpm(const std::string& text);
P9 parse_p9(const std::string& text, Warnings& warnings);
PvCalls parse_pvcalls(const std::string& text);
Vfb parse_vfb(const std::string& text, Warnings& warnings);
Channel parse_channel(const std::string& text, Warnings& warnings);
UsbController parse_usb_controller(const std::string& text);
UsbDevice parse_usb_device(const std::string& text);
Vdispl parse_vdispl(const std::string& text);
Vkb parse_vkb(const std::string& text);
Vsnd parse_vsnd(const std::vector<std::string>& lines);  // "card, ...", "pcm, ...", "stream, ..."
Virtio parse_virtio(const std::string& text);

bool is_uuid(const std::string& text);  // 8-4-4-4-12 hexadecimal digits

}  // namespace xcp::xl::cfg
