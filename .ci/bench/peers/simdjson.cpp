// Reads every field of a prediction log with simdjson's on-demand parser, and does nothing else: what the exporter's
// reading is compared with. It prints the CPU seconds of the parsing alone, with the log in memory.
#include <simdjson.h>

#include <cstdio>
#include <ctime>

using namespace simdjson;

int main(int, char **argv) {
  padded_string log = padded_string::load(argv[1]);
  const char *const numbers[] = {"amount", "income", "age", "tenure_days", "ratio", "velocity", "distance_km", "temp_z"};
  ondemand::parser parser;
  double sum = 0;
  size_t bytes = 0, records = 0;
  const clock_t begin = clock();
  ondemand::document_stream stream = parser.iterate_many(log, 1 << 20);
  for (auto record : stream) {
    for (const char *field : {"timestamp", "id", "model", "model_version"}) {
      bytes += std::string_view(record[field]).size();
    }
    ondemand::object features = record["features"];
    for (const char *field : numbers) {
      sum += double(features[field]);
    }
    ondemand::value days = features["days_since_last"];
    if (!days.is_null()) {
      sum += double(days);
    }
    for (const char *field : {"merchant", "country", "device"}) {
      bytes += std::string_view(features[field]).size();
    }
    sum += double(record["prediction"]) + double(record["score"]);
    records++;
  }
  const double seconds = double(clock() - begin) / CLOCKS_PER_SEC;
  std::fprintf(stderr, "%zu records, sum %g, %zu bytes\n", records, sum, bytes);
  std::printf("%.6f\n", seconds);
}
