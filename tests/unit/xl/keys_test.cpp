// SPDX-License-Identifier: GPL-2.0-or-later
// The table of keys, and what is said of unknown ones.
#include "xl/cfg/keys.hpp"

#include <gtest/gtest.h>

#include <set>

#include "xl/cfg/read_domain.hpp"

namespace xcp::xl::cfg {
namespace {

TEST(Keys, TableIsWhole) {
  std::set<std::string> names;
  for (const Key& key : keys()) {
    EXPECT_TRUE(names.insert(key.name).second) << key.name;
    EXPECT_NE(*key.meaning, '\0') << key.name;
    EXPECT_EQ(find_key(key.name), &key);
  }
  EXPECT_EQ(names.size(), 172u);
  EXPECT_EQ(find_key("nosuch"), nullptr);
}

TEST(Keys, Nearest) {
  EXPECT_EQ(nearest_key("memry"), "memory");
  EXPECT_EQ(nearest_key("meomry"), "memory");
  EXPECT_EQ(nearest_key("disks"), "disk");
  EXPECT_EQ(nearest_key("on_shutdown"), "");
  EXPECT_EQ(nearest_key("qqqqqqqqq"), "");
  EXPECT_EQ(nearest_key(std::string(10000, 'a')), "");
}

TEST(Keys, UnknownLaterAndObsoleteOnesAreNamed) {
  Config config;
  config.add("f", "memry=1\nxyzzyqqq=1\nsve='hw'\nvif2=[]\nmemory=1");
  Warnings warnings;
  check_names(config, warnings);
  ASSERT_EQ(warnings.size(), 4u);
  EXPECT_EQ(warnings[0], "f:1:1: there is no setting `memry' (`memory'?); ignored");
  EXPECT_EQ(warnings[1], "f:2:1: there is no setting `xyzzyqqq'; ignored");
  EXPECT_EQ(warnings[2], "f:3:1: `sve' needs Xen 4.18 or later; ignored");
  EXPECT_NE(warnings[3].find("f:4:1: `vif2' is obsolete"), std::string::npos);
}

}  // namespace
}  // namespace xcp::xl::cfg
