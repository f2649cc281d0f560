// SPDX-License-Identifier: GPL-2.0-or-later
// The contract over the socket: the client cannot be told apart from the object, and a disk lives
// its whole life through it.
#include <gtest/gtest.h>

#include "base/ref.hpp"
#include "base/rpc.hpp"
#include "sm/client.hpp"
#include "world.hpp"

namespace xcp::sm::test {
namespace {

class Socket : public ::testing::Test {
 protected:
  World world_;
  rpc::Server server_{listen_unix(world_.dir / "sock", 0600),
                      rpc::methods_of<Storage>(world_.storage()), ""};
  std::unique_ptr<Storage> client_ = make_client(world_.dir / "sock");
};

TEST_F(Socket, ADiskLivesItsLife) {
  const SrSpec sr{make_uuid(), "file", {{"location", world_.dir / "sr"}}, "name", "description"};
  client_->sr_create(sr, 0);
  EXPECT_TRUE(client_->srs().empty());
  client_->sr_plug(sr);
  EXPECT_EQ(client_->srs(), std::vector<std::string>{sr.uuid});

  VdiSpec spec = disk(64 * MiB, "Grüße");
  spec.sm_config = {{"key", "value"}};
  const VdiInfo made = client_->vdi_create(sr.uuid, spec);
  EXPECT_EQ(made.name, "Grüße");
  EXPECT_EQ(made.virtual_size, 64 * MiB);
  EXPECT_EQ(made.sm_config, spec.sm_config);

  const DiskSource source = client_->vdi_attach(sr.uuid, made.uuid, "vbd", true);
  client_->vdi_activate(sr.uuid, made.uuid, "vbd");
  EXPECT_EQ(client_->vdi_source(sr.uuid, made.uuid).path, source.path);
  fill(source, 0, MiB, 7);
  expect_pattern(source, 0, MiB, 7);
  ASSERT_EQ(client_->data_paths().size(), 1u);
  EXPECT_TRUE(client_->data_paths()[0].activated);

  EXPECT_FAILURE("VDI_IN_USE", client_->vdi_destroy(sr.uuid, made.uuid));
  client_->vdi_detach(sr.uuid, made.uuid, "vbd");
  client_->vdi_destroy(sr.uuid, made.uuid);
  EXPECT_TRUE(client_->sr_scan(sr.uuid).empty());
  client_->sr_destroy(sr);
  EXPECT_TRUE(client_->srs().empty());
  EXPECT_TRUE(tree(world_.dir / "sr").empty());
}

TEST_F(Socket, FailuresArriveUnchanged) {
  try {
    client_->vdi_attach("no-such-sr", "no-such-vdi", "vbd", true);
    FAIL();
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.code(), "SR_NOT_ATTACHED");
    EXPECT_EQ(failure.params(), std::vector<std::string>{"no-such-sr"});
  }
  EXPECT_FAILURE("SR_UNKNOWN_DRIVER", client_->sr_probe("lvm", {}));
}

TEST_F(Socket, DriversTellWhatTheyNeed) {
  const auto drivers = client_->drivers();
  ASSERT_FALSE(drivers.empty());
  EXPECT_EQ(drivers[0].type, "file");
  EXPECT_TRUE(drivers[0].required_configuration.contains("location"));
}

}  // namespace
}  // namespace xcp::sm::test
