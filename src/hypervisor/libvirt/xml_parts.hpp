// SPDX-License-Identifier: GPL-2.0-or-later
// The bricks of the XML translators (domain_xml.cpp, device_xml.cpp, restored_xml.cpp), for them
// alone: the one place in which each element is written.
#pragma once

#include <cstdint>
#include <map>
#include <pugixml.hpp>
#include <string>
#include <vector>

#include "hypervisor/hypervisor.hpp"
#include "hypervisor/libvirt/domain_xml.hpp"

namespace xcp::hypervisor::libvirt {

using pugi::xml_document;
using pugi::xml_node;

std::string text_of(const xml_document& document);

// A new last child; with text when given. Attributes are appended in the order of the calls.
xml_node child(xml_node parent, const char* name);
xml_node child(xml_node parent, const char* name, const std::string& text);
void set(xml_node node, const char* name, const std::string& value);
void set(xml_node node, const char* name, std::int64_t value);

// libvirt refuses control characters in texts for people.
std::string printable(std::string text);
// Throws INTERNAL_ERROR saying `what` it was, for what is not between 0 and 255.
int number_of(const std::string& device, const char* what);
// 0: "a", 25: "z", 26: "aa", ...
std::string letters(int number);

const char* format_name(DiskFormat format);
const char* action_name(OnEvent action);

void put_slot(xml_node device, int slot);
// Attribute "type" and child "source" of a disk.
void put_source(xml_node node, const DiskSpec& disk, const HostView& host);
// boot_position 0: the device is not booted from.
void put_cdrom(xml_node parent, const DiskSpec& disk, const std::string& target,
               const HostView& host, int boot_position);
void put_disk(xml_node parent, const DiskSpec& disk, const std::string& alias, const HostView& host,
              int boot_position);
// Device -> place on the IDE bus. Throws for more than four drives.
std::map<std::string, std::string> cdrom_targets(const std::vector<DiskSpec>& disks);
// What a NIC is connected to: attribute "type" and the children that go with it.
void put_backing(xml_node node, const NicSpec& nic, const HostView& host);
void put_nic(xml_node parent, const NicSpec& nic, const std::string& alias, const HostView& host,
             int boot_position);

// The mark of a domain of ours; with its name space declared, or bare as libvirt wants it for
// metadata that it adds itself.
void put_mark(xml_node parent, const Mark& mark, bool with_name_space);

}  // namespace xcp::hypervisor::libvirt
