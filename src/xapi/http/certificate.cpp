// SPDX-License-Identifier: GPL-2.0-or-later
// See certificate.hpp. RSA rather than an elliptic curve, because the two suites that older
// management clients insist on need it.
#include "xapi/http/certificate.hpp"

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <ctime>
#include <memory>

#include "base/failure.hpp"
#include "base/fd.hpp"

namespace xcp::http {

namespace {

constexpr unsigned key_bits = 2048;
constexpr long day_seconds = 24 * 60 * 60;
constexpr long validity_seconds = 10 * 365 * day_seconds;

template <auto Free>
struct Deleter {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Bio = std::unique_ptr<BIO, Deleter<BIO_free_all>>;
using Key = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;
using X509Ptr = std::unique_ptr<X509, Deleter<X509_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, Deleter<X509_EXTENSION_free>>;

void require(bool ok, const char* what) {
  if (ok) return;
  char text[256] = "unknown error";
  if (const unsigned long code = ERR_get_error()) ERR_error_string_n(code, text, sizeof(text));
  ERR_clear_error();
  throw internal_error(std::string("certificate: ") + what + ": " + text);
}

bool is_address(const std::string& name) {
  in6_addr buffer;
  return inet_pton(AF_INET, name.c_str(), &buffer) == 1 ||
         inet_pton(AF_INET6, name.c_str(), &buffer) == 1;
}

// Names go into OpenSSL's own little configuration language, where commas separate entries.
void check_name(const std::string& name) {
  if (name.empty() || name.find_first_of(", \t\r\n=") != std::string::npos)
    throw internal_error("certificate: not a host name or address: '" + name + "'");
}

void add_extension(X509* certificate, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  const Extension extension(X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str()));
  require(extension && X509_add_ext(certificate, extension.get(), -1) == 1, value.c_str());
}

void set_random_serial(X509* certificate) {
  BIGNUM* number = BN_new();
  const bool ok = number != nullptr && BN_rand(number, 127, BN_RAND_TOP_ONE, 0) == 1 &&
                  BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != nullptr;
  BN_free(number);
  require(ok, "serial number");
}

void set_names(X509* certificate, const std::vector<std::string>& names) {
  X509_NAME* subject = X509_get_subject_name(certificate);
  // A common name holds 64 characters at most; clients go by the alternative names anyway.
  const std::string common = names.front().substr(0, 64);
  require(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                                     reinterpret_cast<const unsigned char*>(common.c_str()), -1, -1,
                                     0) == 1,
          "subject");
  require(X509_set_issuer_name(certificate, subject) == 1, "issuer");
  std::string alternatives;
  for (const auto& name : names) {
    check_name(name);
    if (!alternatives.empty()) alternatives += ',';
    alternatives += (is_address(name) ? "IP:" : "DNS:") + name;
  }
  add_extension(certificate, NID_subject_alt_name, alternatives);
}

X509Ptr make_certificate(EVP_PKEY* key, const std::vector<std::string>& names) {
  X509Ptr certificate(X509_new());
  require(certificate != nullptr, "X509_new");
  require(X509_set_version(certificate.get(), X509_VERSION_3) == 1, "version");
  set_random_serial(certificate.get());
  // A day back, for clients whose clock is a little behind.
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -day_seconds);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), validity_seconds);
  require(X509_set_pubkey(certificate.get(), key) == 1, "public key");
  set_names(certificate.get(), names);
  add_extension(certificate.get(), NID_basic_constraints, "critical,CA:FALSE");
  add_extension(certificate.get(), NID_key_usage, "critical,digitalSignature,keyEncipherment");
  add_extension(certificate.get(), NID_ext_key_usage, "serverAuth");
  add_extension(certificate.get(), NID_subject_key_identifier, "hash");
  require(X509_sign(certificate.get(), key, EVP_sha256()) > 0, "signature");
  return certificate;
}

std::string contents(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(size)};
}

std::string fingerprint(const X509* certificate, const EVP_MD* digest) {
  unsigned char bytes[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  require(X509_digest(certificate, digest, bytes, &size) == 1, "fingerprint");
  static constexpr char digits[] = "0123456789ABCDEF";
  std::string text;
  for (unsigned i = 0; i < size; ++i) {
    if (i != 0) text += ':';
    text += digits[bytes[i] >> 4];
    text += digits[bytes[i] & 15];
  }
  return text;
}

std::int64_t seconds_of(const ASN1_TIME* time) {
  std::tm fields{};
  require(ASN1_TIME_to_tm(time, &fields) == 1, "time");
  return timegm(&fields);
}

}  // namespace

bool ensure_certificate(const std::string& pem_path, const std::vector<std::string>& names) {
  if (access(pem_path.c_str(), F_OK) == 0) return false;
  if (names.empty()) throw internal_error("certificate: no name given");
  ERR_clear_error();
  const Key key(EVP_RSA_gen(key_bits));
  require(key != nullptr, "key");
  const X509Ptr certificate = make_certificate(key.get(), names);
  const Bio bio(BIO_new(BIO_s_secmem()));
  require(bio &&
              PEM_write_bio_PKCS8PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr,
                                            nullptr) == 1 &&
              PEM_write_bio_X509(bio.get(), certificate.get()) == 1,
          "PEM");
  write_file_durably(pem_path, contents(bio.get()), 0600);
  return true;
}

Certificate read_certificate(const std::string& pem_path) {
  const auto text = read_file(pem_path);
  if (!text) throw internal_error("certificate: no such file: " + pem_path);
  const Bio bio(BIO_new_mem_buf(text->data(), static_cast<int>(text->size())));
  const X509Ptr certificate(bio ? PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)
                                : nullptr);
  require(certificate != nullptr, pem_path.c_str());

  Certificate result;
  const Bio out(BIO_new(BIO_s_mem()));
  require(out && PEM_write_bio_X509(out.get(), certificate.get()) == 1, "PEM");
  result.pem = contents(out.get());
  const Bio subject(BIO_new(BIO_s_mem()));
  require(subject && X509_NAME_print_ex(subject.get(), X509_get_subject_name(certificate.get()), 0,
                                        XN_FLAG_ONELINE) >= 0,
          "subject");
  result.subject = contents(subject.get());
  result.sha1_fingerprint = fingerprint(certificate.get(), EVP_sha1());
  result.sha256_fingerprint = fingerprint(certificate.get(), EVP_sha256());
  result.not_before = seconds_of(X509_get0_notBefore(certificate.get()));
  result.not_after = seconds_of(X509_get0_notAfter(certificate.get()));
  return result;
}

}  // namespace xcp::http
