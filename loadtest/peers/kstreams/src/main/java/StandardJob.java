import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Locale;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.processor.api.ContextualProcessor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/**
 * The standard job on Kafka Streams: {@code StandardJob BROKERS TOPIC READINGS THREADS STATE_FOLDER}.
 *
 * <p>After its documentation: the DSL for windows and the Processor API for the moments, stores that are persistent,
 * logged and cached, as by default ("Memory Management"), one stream thread or more by configuration ("Threading
 * Model"), at least once with commits every 30 s, the defaults. An update of a window is emitted when the cache lets it
 * go or a commit flushes it. Windows are written as packed doubles, which is cheaper than JSON.
 */
public final class StandardJob {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final double ALPHA = 0.05;
  private static final String MOMENTS = "moments";

  private StandardJob() {}

  /** Tells when so many readings were seen, and how long they took. */
  private static final class Meter {
    final CountDownLatch done = new CountDownLatch(1);
    private final long readings;
    private final AtomicLong seen = new AtomicLong();
    private volatile long begin;
    private volatile long beginCpu;

    Meter(long readings) {
      this.readings = readings;
    }

    void count() {
      long number = seen.incrementAndGet();
      if (number == 1) {
        beginCpu = cpu();
        begin = System.nanoTime();
      } else if (number == readings) {
        double seconds = (System.nanoTime() - begin) / 1e9;
        double cpuSeconds = (cpu() - beginCpu) / 1e9;
        System.out.printf(
            Locale.ROOT,
            "{\"readings\": %d, \"seconds\": %.6f, \"cpu_seconds\": %.6f}%n",
            readings, seconds, cpuSeconds);
        done.countDown();
      }
    }

    private static long cpu() {
      return ((OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getProcessCpuTime();
    }
  }

  /** Drops what is no valid reading and gives the others their event time. */
  private static final class Clean extends ContextualProcessor<String, byte[], String, Double> {
    private final Meter meter;

    Clean(Meter meter) {
      this.meter = meter;
    }

    @Override
    public void process(Record<String, byte[]> record) {
      meter.count();
      JsonNode reading;
      try {
        reading = JSON.readTree(record.value());
      } catch (IOException broken) {
        return;
      }
      JsonNode value = reading.path("value");
      double number = value.asDouble();
      if (value.isNumber() && number > -50 && number < 150) {
        long time = (long) (reading.path("ts").asDouble() * 1000);
        context().forward(record.withValue(number).withTimestamp(time));
      }
    }
  }

  /** Forwards readings more than four standard deviations from the mean of their device. */
  private static final class Outliers extends ContextualProcessor<String, Double, String, Double> {
    private KeyValueStore<String, byte[]> moments;

    @Override
    public void init(ProcessorContext<String, Double> context) {
      super.init(context);
      moments = context.getStateStore(MOMENTS);
    }

    @Override
    public void process(Record<String, Double> record) {
      byte[] held = moments.get(record.key());
      double value = record.value();
      if (held == null) {
        moments.put(record.key(), pack(value, 0));
        return;
      }
      ByteBuffer buffer = ByteBuffer.wrap(held);
      double mean = buffer.getDouble();
      double variance = buffer.getDouble();
      double distance = value - mean;
      if (variance > 0 && Math.abs(distance) > 4 * Math.sqrt(variance)) {
        context().forward(record);
      }
      double rest = 1 - ALPHA;
      moments.put(
          record.key(), pack(mean + ALPHA * distance, rest * (variance + ALPHA * distance * distance)));
    }
  }

  private static byte[] pack(double... numbers) {
    ByteBuffer buffer = ByteBuffer.allocate(Double.BYTES * numbers.length);
    for (double number : numbers) {
      buffer.putDouble(number);
    }
    return buffer.array();
  }

  private static byte[] add(byte[] aggregate, double value) {
    ByteBuffer held = ByteBuffer.wrap(aggregate);
    double count = held.getDouble();
    double sum = held.getDouble();
    double least = held.getDouble();
    double greatest = held.getDouble();
    return pack(count + 1, sum + value, Math.min(least, value), Math.max(greatest, value));
  }

  private static Topology topology(String topic, Meter meter) {
    StreamsBuilder builder = new StreamsBuilder();
    KStream<String, Double> clean =
        builder
            .stream(topic, Consumed.with(Serdes.String(), Serdes.ByteArray()))
            .process(() -> new Clean(meter));
    clean
        .groupByKey(Grouped.with(Serdes.String(), Serdes.Double()))
        .windowedBy(TimeWindows.ofSizeWithNoGrace(Duration.ofSeconds(10)))
        .aggregate(
            () -> pack(0, 0, Double.MAX_VALUE, -Double.MAX_VALUE),
            (device, value, aggregate) -> add(aggregate, value),
            Materialized.with(Serdes.String(), Serdes.ByteArray()))
        .toStream((window, aggregate) -> window.key() + "@" + window.window().start())
        .to(topic + "-kstreams-windows", Produced.with(Serdes.String(), Serdes.ByteArray()));
    builder.addStateStore(
        Stores.keyValueStoreBuilder(
                Stores.persistentKeyValueStore(MOMENTS), Serdes.String(), Serdes.ByteArray())
            .withCachingEnabled());
    clean
        .process(Outliers::new, MOMENTS)
        .to(topic + "-kstreams-anomalies", Produced.with(Serdes.String(), Serdes.Double()));
    return builder.build();
  }

  private static Properties configuration(String brokers, String threads, String stateFolder) {
    Properties properties = new Properties();
    properties.put("application.id", "kstreams-" + System.nanoTime());
    properties.put("bootstrap.servers", brokers);
    properties.put("num.stream.threads", threads);
    properties.put("auto.offset.reset", "earliest");
    properties.put("state.dir", stateFolder);
    properties.put("producer.compression.type", "lz4");
    return properties;
  }

  public static void main(String[] arguments) throws InterruptedException {
    Meter meter = new Meter(Long.parseLong(arguments[2]));
    Topology topology = topology(arguments[1], meter);
    KafkaStreams streams = new KafkaStreams(topology, configuration(arguments[0], arguments[3], arguments[4]));
    streams.start();
    meter.done.await();
    streams.close(Duration.ofSeconds(30));
    // Metrics reporters leave threads behind.
    System.exit(0);
  }
}
