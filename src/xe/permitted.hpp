// SPDX-License-Identifier: GPL-2.0-or-later
// Which files the server may have read or written: only those the user named himself as the value
// of a key=value word. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace xcp::xe {

// Absolute, without "." and ".." (taken out of the text, links are not followed) and double
// slashes.
std::string canonical_path(std::string_view working_directory, std::string_view path);

// True when `filename` is the value of one of the words.
bool may_touch(std::string_view filename, const std::vector<std::string>& words,
               std::string_view working_directory);

}  // namespace xcp::xe
