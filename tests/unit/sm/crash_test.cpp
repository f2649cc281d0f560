// SPDX-License-Identifier: GPL-2.0-or-later
// kill -9 at every named place of every operation. Each time a child process, which has the state
// to itself, carries out one operation and is killed there; afterwards the state must be the one
// before or the one after, nothing may be left over, every image must be sound, and the operation
// must be possible again. The same with a failure instead of the kill, without a restart.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <sstream>

#include "base/describe.hpp"
#include "base/fault.hpp"
#include "base/fd.hpp"
#include "base/process.hpp"
#include "base/ref.hpp"
#include "world.hpp"

namespace xcp::sm::test {
namespace {

// Uuids the scenarios use, so that states can be compared.
const std::string origin = "11111111-1111-4111-8111-111111111111";
const std::string first = "22222222-2222-4222-8222-222222222222";
const std::string made = "33333333-3333-4333-8333-333333333333";

struct Stage {
  World world;
  SrSpec sr;
  Storage& storage() { return world.storage(); }
};

struct Scenario {
  std::string name;
  std::string kind;
  std::function<void(Stage&)> prepare;
  std::function<void(Stage&)> act;
};

void PrintTo(const Scenario& scenario, std::ostream* out) {
  *out << scenario.name;
}

VdiSpec with_uuid(const std::string& uuid, std::int64_t size = 0) {
  VdiSpec spec = disk(size, uuid.substr(0, 4));
  spec.uuid = uuid;
  return spec;
}

void write_once(Stage& stage, const std::string& vdi, int pattern) {
  const DiskSource source = stage.storage().vdi_attach(stage.sr.uuid, vdi, "w", true);
  if (source.path != "/dev/null") fill(source, 0, 256 << 10, pattern);
  stage.storage().vdi_detach(stage.sr.uuid, vdi, "w");
}

void make_origin(Stage& stage) {
  stage.storage().vdi_create(stage.sr.uuid, with_uuid(origin, 4 * MiB));
  write_once(stage, origin, 1);
}

void make_origin_and_snapshot(Stage& stage) {
  make_origin(stage);
  stage.storage().vdi_snapshot(stage.sr.uuid, origin, with_uuid(first));
  write_once(stage, origin, 2);
}

void make_ready_image(Stage& stage) {
  std::filesystem::create_directories(stage.world.dir / "images");
  Command command;
  command.argv = {"qemu-img", "create", "-q", "-f", "qcow2", stage.world.dir / "images/tiny.qcow2",
                  "1M"};
  run_checked(command);
}

void nothing(Stage&) {}

// Everything the contract tells, without times and places.
std::string state_of(Stage& stage) {
  std::ostringstream text;
  for (const std::string& sr : stage.storage().srs()) {
    text << "sr " << sr << '\n';
    for (const VdiInfo& vdi : stage.storage().sr_scan(sr)) {
      const DiskSource source = stage.storage().vdi_source(sr, vdi.uuid);
      text << "vdi " << vdi.uuid << ' ' << vdi.name << ' ' << vdi.virtual_size << ' '
           << vdi.read_only << vdi.is_a_snapshot << vdi.sharable << ' ' << vdi.snapshot_of << ' '
           << (source.path == "/dev/null" ? "" : checksum(source)) << '\n';
    }
  }
  for (const DataPath& path : stage.storage().data_paths())
    text << "path " << path.vdi << ' ' << path.id << ' ' << path.read_write << path.activated
         << '\n';
  return text.str();
}

// Image files of the SR that no VDI's chain reaches, and temporary files anywhere.
std::set<std::string> leftovers(Stage& stage) {
  std::set<std::string> reached;
  std::string nodes;
  for (const std::string& sr : stage.storage().srs())
    for (const VdiInfo& vdi : stage.storage().sr_scan(sr)) {
      const DiskSource source = stage.storage().vdi_source(sr, vdi.uuid);
      if (source.path == "/dev/null") continue;
      EXPECT_TRUE(clean(source)) << source.path;
      nodes = source.path.substr(0, source.path.rfind('/'));
      Command command;
      command.argv = {"qemu-img", "info", "--output=json", "--backing-chain", source.path};
      const json::value chain = parse_json(run_checked(command));
      for (const json::value& image : chain.as_array()) {
        const std::string path(image.at("filename").as_string());
        reached.insert(path.substr(path.rfind('/') + 1));
      }
    }
  std::set<std::string> left;
  if (!nodes.empty())
    for (const std::string& file : tree(nodes))
      if (!reached.contains(file)) left.insert(file);
  for (const std::string& file : tree(stage.world.dir.path()))
    if (file.find(".new-") != std::string::npos) left.insert(file);
  return left;
}

class Crash : public ::testing::TestWithParam<Scenario> {
 protected:
  std::unique_ptr<Stage> prepared() {
    auto stage = std::make_unique<Stage>();
    stage->sr = stage->world.sr_of_kind(GetParam().kind);
    if (!stage->sr.uuid.empty()) GetParam().prepare(*stage);
    return stage;
  }

  // Runs the operation in a child over the stage's state and returns what waitpid says; `told` gets
  // the places it passed.
  int act_in_child(Stage& stage, const std::string& faults,
                   std::vector<std::string>* told = nullptr) {
    stage.world.stop();
    int ends[2];
    EXPECT_EQ(pipe(ends), 0);
    const pid_t child = fork();
    if (child == 0) {
      int status = 0;
      try {
        stage.world.start();
        // Storage that was plugged is there before the operation begins.
        stage.storage().srs();
        arm_faults(faults);
        GetParam().act(stage);
        std::string names;
        for (const std::string& name : faults_passed()) names += name + '\n';
        write_all(ends[1], names);
        stage.world.stop();
      } catch (const std::exception& error) {
        fprintf(stderr, "%s: %s\n", faults.c_str(), error.what());
        status = 1;
      }
      _exit(status);
    }
    close(ends[1]);
    std::string names;
    char buffer[4096];
    while (const std::size_t n = read_some(ends[0], buffer, sizeof(buffer)))
      names.append(buffer, n);
    close(ends[0]);
    int status = 0;
    waitpid(child, &status, 0);
    if (told != nullptr) {
      std::istringstream lines(names);
      for (std::string line; std::getline(lines, line);) told->push_back(line);
    }
    stage.world.start();
    return status;
  }

  // "name=<effect>:<n>" for every passing of every place.
  std::vector<std::string> faults(const std::vector<std::string>& passed,
                                  const std::string& effect) {
    std::map<std::string, int> counts;
    std::vector<std::string> all;
    for (const std::string& name : passed)
      all.push_back(name + '=' + effect + ':' + std::to_string(++counts[name]));
    return all;
  }

  void expect_no_leftovers(Stage& stage, const std::string& fault) {
    const auto left = leftovers(stage);
    EXPECT_TRUE(left.empty()) << fault << ": " << ::testing::PrintToString(left);
  }

  void expect_before_or_after(Stage& stage, const std::string& before, const std::string& after,
                              const std::string& fault) {
    const std::string now = state_of(stage);
    EXPECT_TRUE(now == before || now == after) << fault << "\nbefore:\n"
                                               << before << "after:\n"
                                               << after << "now:\n"
                                               << now;
    // Where an SR was being made, nobody knows of the place until it is made again.
    if (!GetParam().name.starts_with("sr_create")) expect_no_leftovers(stage, fault);
    if (now == after) return;
    EXPECT_NO_THROW(GetParam().act(stage)) << fault;
    EXPECT_EQ(state_of(stage), after) << fault << ", done again";
    expect_no_leftovers(stage, fault + ", done again");
  }
};

TEST_P(Crash, LeavesTheStateBeforeOrAfter) {
  std::string before;
  std::string after;
  std::vector<std::string> passed;
  std::string sr;
  {
    const auto stage = prepared();
    if (stage->sr.uuid.empty()) XCP_CANNOT_RUN("loop", "no loop devices on this machine");
    before = state_of(*stage);
    ASSERT_EQ(act_in_child(*stage, "none=kill", &passed), 0);
    after = state_of(*stage);
    EXPECT_TRUE(leftovers(*stage).empty());
    sr = stage->sr.uuid;
  }
  ASSERT_FALSE(passed.empty()) << "the operation passes no named place";
  const auto of_this_sr = [&](std::string text, const std::string& uuid) {
    for (std::size_t at; (at = text.find(sr)) != std::string::npos;)
      text.replace(at, sr.size(), uuid);
    return text;
  };
  for (const std::string& fault : faults(passed, "kill")) {
    const auto stage = prepared();
    const int status = act_in_child(*stage, fault);
    ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << fault << ": " << status;
    expect_before_or_after(*stage, of_this_sr(before, stage->sr.uuid),
                           of_this_sr(after, stage->sr.uuid), fault);
  }
  for (const std::string& fault : faults(passed, "error")) {
    const auto stage = prepared();
    arm_faults(fault);
    EXPECT_FAILURE("INTERNAL_ERROR", GetParam().act(*stage)) << fault;
    arm_faults("");
    expect_before_or_after(*stage, of_this_sr(before, stage->sr.uuid),
                           of_this_sr(after, stage->sr.uuid), fault);
  }
}

std::vector<Scenario> disk_scenarios(const std::string& kind) {
  const auto sr = [](Stage& stage) { return stage.sr.uuid; };
  const auto attached = [sr](Stage& stage) {
    make_origin(stage);
    stage.storage().vdi_attach(sr(stage), origin, "p", true);
  };
  return {
      {"create", kind, nothing,
       [=](Stage& s) { s.storage().vdi_create(sr(s), with_uuid(made, MiB)); }},
      {"destroy", kind, make_origin_and_snapshot,
       [=](Stage& s) { s.storage().vdi_destroy(sr(s), origin); }},
      {"destroy_alone", kind, make_origin,
       [=](Stage& s) { s.storage().vdi_destroy(sr(s), origin); }},
      {"snapshot", kind, make_origin,
       [=](Stage& s) { s.storage().vdi_snapshot(sr(s), origin, with_uuid(made)); }},
      {"snapshot_of_written", kind, attached,
       [=](Stage& s) { s.storage().vdi_snapshot(sr(s), origin, with_uuid(made)); }},
      {"clone", kind, make_origin_and_snapshot,
       [=](Stage& s) { s.storage().vdi_clone(sr(s), first, with_uuid(made)); }},
      {"revert", kind, make_origin_and_snapshot,
       [=](Stage& s) { s.storage().vdi_revert(sr(s), origin, first); }},
      {"resize", kind, make_origin,
       [=](Stage& s) { s.storage().vdi_resize(sr(s), origin, 8 * MiB); }},
      {"copy", kind, make_origin_and_snapshot,
       [=](Stage& s) { s.storage().vdi_copy(sr(s), origin, sr(s), with_uuid(made)); }},
      {"set", kind, make_origin,
       [=](Stage& s) {
         s.storage().vdi_set(sr(s), origin, {{"name", "new"}});
       }},
      {"attach", kind, make_origin,
       [=](Stage& s) { s.storage().vdi_attach(sr(s), origin, "p", true); }},
      {"activate", kind, attached, [=](Stage& s) { s.storage().vdi_activate(sr(s), origin, "p"); }},
      {"detach", kind, attached, [=](Stage& s) { s.storage().vdi_detach(sr(s), origin, "p"); }},
  };
}

std::vector<Scenario> image_scenarios() {
  const auto filled = [](Stage& s, ImageFormat format) {
    VdiSpec spec = with_uuid(made, 2 * MiB);
    spec.sm_config = {{"image", "tiny"}};
    spec.format = format;
    s.storage().vdi_create(s.sr.uuid, spec);
  };
  const auto clone_origin = [](Stage& s) {
    make_origin(s);
    s.storage().vdi_clone(s.sr.uuid, origin, with_uuid(first));
  };
  return {
      {"create_raw", "file", nothing,
       [](Stage& s) {
         VdiSpec spec = with_uuid(made, MiB);
         spec.format = ImageFormat::raw;
         s.storage().vdi_create(s.sr.uuid, spec);
       }},
      {"fill", "file", make_ready_image, [=](Stage& s) { filled(s, ImageFormat::qcow2); }},
      {"fill_raw", "file", make_ready_image, [=](Stage& s) { filled(s, ImageFormat::raw); }},
      {"attach_of_cloned", "file", clone_origin,
       [](Stage& s) { s.storage().vdi_attach(s.sr.uuid, origin, "p", true); }},
      {"resize_of_cloned", "file", clone_origin,
       [](Stage& s) { s.storage().vdi_resize(s.sr.uuid, origin, 8 * MiB); }},
  };
}

std::vector<Scenario> sr_scenarios(const std::string& kind) {
  const auto unplug = [](Stage& s) { s.storage().sr_unplug(s.sr.uuid); };
  const auto destroy = [](Stage& s) { s.storage().sr_destroy(s.sr); };
  return {
      {"sr_create_and_plug", kind, destroy,
       [](Stage& s) {
         // Done again, what is there already is no failure.
         const std::string code = failure_of([&] { s.storage().sr_create(s.sr, 0); });
         if (!code.empty() && code != "SR_UUID_EXISTS") throw Failure(code);
         s.storage().sr_plug(s.sr);
       }},
      {"sr_plug", kind, unplug, [](Stage& s) { s.storage().sr_plug(s.sr); }},
      {"sr_unplug", kind, make_origin, unplug},
      {"sr_destroy", kind, make_origin_and_snapshot, destroy},
  };
}

std::string name_of(const ::testing::TestParamInfo<Scenario>& scenario) {
  return scenario.param.name + "_" + scenario.param.kind;
}

INSTANTIATE_TEST_SUITE_P(DisksInFiles, Crash, ::testing::ValuesIn(disk_scenarios("file")), name_of);
INSTANTIATE_TEST_SUITE_P(DisksInDummies, Crash, ::testing::ValuesIn(disk_scenarios("dummy")),
                         name_of);
INSTANTIATE_TEST_SUITE_P(Images, Crash, ::testing::ValuesIn(image_scenarios()), name_of);
INSTANTIATE_TEST_SUITE_P(FileSrs, Crash, ::testing::ValuesIn(sr_scenarios("file")), name_of);
INSTANTIATE_TEST_SUITE_P(DummySrs, Crash, ::testing::ValuesIn(sr_scenarios("dummy")), name_of);
INSTANTIATE_TEST_SUITE_P(ExtSrs, Crash, ::testing::ValuesIn(sr_scenarios("ext")), name_of);

}  // namespace
}  // namespace xcp::sm::test
