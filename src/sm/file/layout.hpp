// SPDX-License-Identifier: GPL-2.0-or-later
// How an SR in a directory begins and ends. Both are harmless to repeat after a crash.
#pragma once

#include <string>

namespace xcp::sm {

// Makes an empty SR in an existing directory. Throws SR_UUID_EXISTS when it is there already,
// backend failure sr_exists when another one is.
void make_file_layout(const std::string& location, const std::string& sr, bool made_directory);

// Removes what belongs to this SR and nothing else, then the directory if sr_create had made it and
// it is empty. Nothing happens where there is no SR or another one.
void remove_file_layout(const std::string& location, const std::string& sr);

}  // namespace xcp::sm
