// SPDX-License-Identifier: GPL-2.0-or-later
// Configuration files and the JSON they give, in tests/golden/xl; the distribution's xl prints the
// same for each (tests/golden/xl/compare). With XCP_REWRITE_GOLDEN set the JSON is written anew.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <set>

#include "base/fd.hpp"
#include "xl/cfg/domain_json.hpp"
#include "xl/cfg/keys.hpp"
#include "xl/cfg/read_domain.hpp"

namespace xcp::xl::cfg {
namespace {

std::vector<std::filesystem::path> files() {
  std::vector<std::filesystem::path> found;
  for (const auto& entry : std::filesystem::directory_iterator(XCP_SOURCE_DIR "/tests/golden/xl"))
    if (entry.path().extension() == ".cfg") found.push_back(entry.path());
  std::sort(found.begin(), found.end());
  return found;
}

Config parsed(const std::filesystem::path& file) {
  Config config;
  config.add(file.filename(), read_file(file).value());
  return config;
}

TEST(Golden, Json) {
  ASSERT_GE(files().size(), 80u);
  for (auto file : files()) {
    Warnings warnings;
    const std::string json =
        json_of(read_domain(parsed(file), HostCpus{8, {}, 1}, XlConf{}, warnings)) + "\n";
    file.replace_extension(".json");
    if (std::getenv("XCP_REWRITE_GOLDEN") != nullptr) write_file_durably(file, json);
    EXPECT_EQ(json, read_file(file).value_or("")) << file;
  }
}

TEST(Golden, EveryKeyIsInOne) {
  std::set<std::string> seen;
  for (const auto& file : files()) {
    const Config config = parsed(file);
    for (const Setting& setting : config.settings()) seen.insert(setting.name);
  }
  for (const Key& key : keys())
    EXPECT_TRUE(seen.count(key.name)) << key.name << " is in no file of tests/golden/xl";
}

}  // namespace
}  // namespace xcp::xl::cfg
