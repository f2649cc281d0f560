// SPDX-License-Identifier: GPL-2.0-or-later
// The program itself: it starts, it is killed in the middle of work, it ends when asked, and a
// guest that has its disk open notices nothing of all that.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <future>
#include <thread>

#include "base/fd.hpp"
#include "base/ref.hpp"
#include "sm/client.hpp"
#include "world.hpp"

namespace xcp::sm::test {
namespace {

// A program with its input and output in our hands; killed at the end if it still runs.
class Program {
 public:
  explicit Program(std::vector<std::string> argv) {
    int in[2];
    int out[2];
    if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0) throw internal_error("pipe");
    std::vector<char*> words;
    for (std::string& word : argv) words.push_back(word.data());
    words.push_back(nullptr);
    pid_ = fork();
    if (pid_ == 0) {
      dup2(in[0], 0);
      dup2(out[1], 1);
      dup2(out[1], 2);
      execvp(words[0], words.data());
      _exit(127);
    }
    close(in[0]);
    close(out[1]);
    input_.reset(in[1]);
    output_.reset(out[0]);
  }
  ~Program() {
    if (pid_ > 0) end(SIGKILL);
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  void tell(const std::string& line) { write_all(input_.get(), line + '\n'); }
  // Reads on until `text` came.
  void wait_for(const std::string& text) {
    char buffer[4096];
    while (said_.find(text) == std::string::npos) {
      const std::size_t n = read_some(output_.get(), buffer, sizeof(buffer));
      if (n == 0) throw internal_error("ended without saying \"" + text + "\": " + said_);
      said_.append(buffer, n);
    }
    said_.erase(0, said_.find(text) + text.size());
  }
  int end(int signal) {
    kill(pid_, signal);
    return wait_for_end();
  }
  int wait_for_end() {
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = -1;
    return status;
  }
  int pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
  UniqueFd input_;
  UniqueFd output_;
  std::string said_;
};

class Daemon : public ::testing::Test {
 protected:
  void start() {
    daemon_ = std::make_unique<Program>(
        std::vector<std::string>{XCP_STORAGED, "--socket", dir_ / "sock", "--state-dir",
                                 dir_ / "state", "--image-dir", dir_ / "images", "--group", "0"});
    daemon_->wait_for("listening on");
    client_ = make_client(dir_ / "sock");
  }
  void SetUp() override {
    start();
    sr_ = {make_uuid(), "file", {{"location", dir_ / "sr"}}, "", ""};
    client_->sr_create(sr_, 0);
    client_->sr_plug(sr_);
  }
  void kill_and_start() {
    daemon_->end(SIGKILL);
    start();
  }

  TempDir dir_;
  std::unique_ptr<Program> daemon_;
  std::unique_ptr<Storage> client_;
  SrSpec sr_;
};

TEST_F(Daemon, EndsCleanlyAndForgetsNothing) {
  const std::string vdi = client_->vdi_create(sr_.uuid, disk(MiB)).uuid;
  client_->vdi_attach(sr_.uuid, vdi, "p", true);
  const int status = daemon_->end(SIGTERM);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  start();
  EXPECT_EQ(client_->srs(), std::vector<std::string>{sr_.uuid});
  EXPECT_EQ(client_->data_paths().size(), 1u);
  EXPECT_EQ(client_->sr_scan(sr_.uuid).size(), 1u);
}

TEST_F(Daemon, AGuestGoesOnWhileItIsKilled) {
  const std::string vdi = client_->vdi_create(sr_.uuid, disk(8 * MiB)).uuid;
  const DiskSource before = client_->vdi_attach(sr_.uuid, vdi, "vbd", true);
  client_->vdi_activate(sr_.uuid, vdi, "vbd");
  // Has the image open and locked as a guest's QEMU has.
  Program guest({"qemu-io", "-f", "qcow2", before.path});
  guest.tell("write -P 1 0 1M");
  guest.wait_for("wrote 1048576/1048576");
  kill_and_start();
  guest.tell("write -P 2 1M 1M");
  guest.wait_for("wrote 1048576/1048576");
  ASSERT_EQ(client_->data_paths().size(), 1u);
  EXPECT_TRUE(client_->data_paths()[0].activated);
  EXPECT_EQ(client_->vdi_source(sr_.uuid, vdi).path, before.path);
  EXPECT_FAILURE("VDI_IN_USE", client_->vdi_destroy(sr_.uuid, vdi));

  // A snapshot needs nothing of the image that the guest has locked.
  const std::string snapshot = client_->vdi_snapshot(sr_.uuid, vdi, named("s")).uuid;
  const DiskSource after = client_->vdi_source(sr_.uuid, vdi);
  EXPECT_NE(after.path, before.path);
  kill_and_start();
  EXPECT_EQ(client_->vdi_source(sr_.uuid, vdi).path, after.path);
  guest.tell("quit");
  guest.wait_for_end();
  fill(after, 0, MiB, 3);
  expect_pattern(client_->vdi_source(sr_.uuid, snapshot), 0, MiB, 1);
  expect_pattern(client_->vdi_source(sr_.uuid, snapshot), MiB, MiB, 2);
  expect_pattern(after, 0, MiB, 3);
  expect_pattern(after, MiB, MiB, 2);
}

// The descendants of a process that are qemu-img.
std::set<int> copiers_of(int parent) {
  std::set<int> found;
  for (const auto& task :
       std::filesystem::directory_iterator("/proc/" + std::to_string(parent) + "/task")) {
    std::ifstream children(task.path() / "children");
    for (int child; children >> child;) {
      const std::string name = read_file("/proc/" + std::to_string(child) + "/comm").value_or("");
      if (name == "qemu-img\n") found.insert(child);
      found.merge(copiers_of(child));
    }
  }
  return found;
}

TEST_F(Daemon, KilledInACopyItLeavesNoImageAndNoProgram) {
  const std::string vdi = client_->vdi_create(sr_.uuid, disk(256 * MiB)).uuid;
  fill(client_->vdi_attach(sr_.uuid, vdi, "p", true), 0, 256 * MiB, 1);
  client_->vdi_detach(sr_.uuid, vdi, "p");
  auto copy = std::async(std::launch::async, [&] {
    return failure_of([&] { make_client(dir_ / "sock")->vdi_copy(sr_.uuid, vdi, sr_.uuid, {}); });
  });
  UniqueFd copier;
  while (!copier) {
    for (const int pid : copiers_of(daemon_->pid()))
      copier.reset(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
    ASSERT_NE(copy.wait_for(std::chrono::milliseconds(1)), std::future_status::ready)
        << "the copy ended before it was seen";
  }
  daemon_->end(SIGKILL);
  EXPECT_EQ(copy.get(), "INTERNAL_ERROR");
  EXPECT_TRUE(wait_readable(copier.get(), std::chrono::seconds(10))) << "qemu-img goes on alone";
  start();
  EXPECT_EQ(client_->sr_scan(sr_.uuid).size(), 1u);
  EXPECT_EQ(tree(dir_ / "sr/nodes").size(), 1u);
}

TEST_F(Daemon, ASecondOneIsRefused) {
  Program second({XCP_STORAGED, "--socket", dir_ / "sock2", "--state-dir", dir_ / "state"});
  second.wait_for("another storage daemon uses");
  EXPECT_EQ(client_->srs().size(), 1u);
}

TEST_F(Daemon, WrongRequestsAreAnsweredAndHarmNothing) {
  const std::vector<std::string> requests = {
      R"({"jsonrpc":"2.0","id":1,"method":"vdi_create","params":["x",{"virtual_size":"big"}]})",
      R"({"jsonrpc":"2.0","id":1,"method":"vdi_create","params":["x"]})",
      R"({"jsonrpc":"2.0","id":1,"method":"sr_plug","params":[{"uuid":1}]})",
      R"({"jsonrpc":"2.0","id":1,"method":"vdi_resize","params":["x","y",1e300]})",
  };
  for (const std::string& request : requests) {
    const auto socket = connect_unix(dir_ / "sock");
    ASSERT_TRUE(socket);
    write_all(socket->get(), request + '\n');
    char answer[4096];
    const std::string said(answer, read_some(socket->get(), answer, sizeof(answer)));
    EXPECT_NE(said.find("INTERNAL_ERROR"), std::string::npos) << request << said;
  }
  EXPECT_EQ(client_->srs().size(), 1u);
}

}  // namespace
}  // namespace xcp::sm::test
