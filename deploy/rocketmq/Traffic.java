import java.lang.reflect.Method;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.rocketmq.acl.common.AclClientRPCHook;
import org.apache.rocketmq.acl.common.SessionCredentials;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.consumer.rebalance.AllocateMessageQueueAveragely;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.client.impl.factory.MQClientInstance;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.TopicConfig;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.remoting.RPCHook;

/** Sends messages to a topic and consumes them, says so and stays connected. */
public class Traffic {
	public static void main(String[] args) throws Exception {
		Thread.setDefaultUncaughtExceptionHandler((thread, fault) -> {
			fault.printStackTrace();
			System.exit(1);
		});
		String nameServer = args[0], broker = args[1], topic = args[2], producers = args[3], consumers = args[4];
		int count = Integer.parseInt(args[5]);
		RPCHook hook = args.length > 6 ? new AclClientRPCHook(new SessionCredentials(args[6], args[7])) : null;

		DefaultMQProducer producer = new DefaultMQProducer(producers, hook);
		producer.setNamesrvAddr(nameServer);
		producer.start();
		// The broker tells its name server of a new topic at once, of itself only every 10 s.
		MQClientInstance client = clientOf(producer);
		client.getMQClientAPIImpl().createTopic(broker, producer.getCreateTopicKey(), new TopicConfig(topic, 4, 4, READ_AND_WRITE), 30_000);
		// Its name server may still not know of it: the broker itself tells it after 10 s for certain.
		for (long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60); !isKnown(producer, topic) && System.nanoTime() < end;) {
			TimeUnit.MILLISECONDS.sleep(50);
		}
		for (int i = 0; i < count; i++) {
			producer.send(new Message(topic, new byte[100]), 30_000);
		}
		// Else the broker hears of the producer after 30 s: at its start it knew of no broker.
		client.sendHeartbeatToAllBrokerWithLock();

		CountDownLatch left = new CountDownLatch(count);
		DefaultMQPushConsumer consumer = new DefaultMQPushConsumer(consumers, hook, new AllocateMessageQueueAveragely());
		consumer.setNamesrvAddr(nameServer);
		consumer.setPersistConsumerOffsetInterval(200);
		consumer.subscribe(topic, "*");
		consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
			messages.forEach(message -> left.countDown());
			return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
		});
		consumer.start();
		left.await();
		System.out.println("all consumed");
		new CountDownLatch(1).await();
	}

	private static final int READ_AND_WRITE = 6;

	/** What RocketMQ 5 has named anew. */
	private static MQClientInstance clientOf(DefaultMQProducer producer) throws ReflectiveOperationException {
		for (Method method : producer.getDefaultMQProducerImpl().getClass().getMethods()) {
			if (method.getName().equalsIgnoreCase("getMqClientFactory")) {
				return (MQClientInstance) method.invoke(producer.getDefaultMQProducerImpl());
			}
		}
		throw new NoSuchMethodException("a producer has no getMqClientFactory");
	}

	private static boolean isKnown(DefaultMQProducer producer, String topic) {
		try {
			return !producer.fetchPublishMessageQueues(topic).isEmpty();
		} catch (MQClientException unknown) {
			return false;
		}
	}
}
