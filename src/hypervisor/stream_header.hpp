// SPDX-License-Identifier: GPL-2.0-or-later
// What stands before a guest's memory in a file or on a connection, so that its reader knows what
// it is given:
//   8 bytes that name the format, 4 bytes length of the text, least significant first, the text
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace xcp::hypervisor {

std::string stream_header(std::string_view format, std::string_view text);

// The text; leaves the descriptor at what follows. nullopt for anything else than a whole header of
// this format with at most a mebibyte of text.
std::optional<std::string> read_stream_header(int fd, std::string_view format);

}  // namespace xcp::hypervisor
