import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;

/** Consumers of any groups, each a client of its own. They consume one message each, say so and stay connected. */
public class Members {
	public static void main(String[] args) throws Exception {
		Thread.setDefaultUncaughtExceptionHandler((thread, fault) -> {
			fault.printStackTrace();
			System.exit(1);
		});
		for (int i = 1; i < args.length; i++) {
			String[] member = args[i].split("\t"); // group, topic, expression, suspended
			CountDownLatch consumed = new CountDownLatch(1);
			DefaultMQPushConsumer consumer = started(args[0], "member-" + i, member, consumed);
			if (member[3].equals("true")) {
				consumed.await();
				consumer.suspend();
			}
		}
		System.out.println("all started");
		new CountDownLatch(1).await();
	}

	/** Starts one. The client does not ask again where its first question to the name server is lost, as on a busy machine. */
	private static DefaultMQPushConsumer started(String nameServer, String instance, String[] member, CountDownLatch consumed) throws Exception {
		for (long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);;) {
			DefaultMQPushConsumer consumer = new DefaultMQPushConsumer(member[0]);
			consumer.setNamesrvAddr(nameServer);
			consumer.setInstanceName(instance);
			consumer.setPersistConsumerOffsetInterval(200);
			consumer.subscribe(member[1], member[2]);
			consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
				consumed.countDown();
				return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
			});
			try {
				consumer.start();
				return consumer;
			} catch (IllegalStateException lost) {
				consumer.shutdown();
				if (System.nanoTime() > end) {
					throw lost;
				}
				lost.printStackTrace();
				TimeUnit.MILLISECONDS.sleep(200);
			}
		}
	}
}
