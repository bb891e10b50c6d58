import org.apache.rocketmq.tools.command.MQAdminStartup;

/** Runs commands of RocketMQ's admin tool one after the other, in one JVM. */
public class Admin {
	public static void main(String[] args) {
		for (String command : args) {
			System.out.println("> " + command);
			MQAdminStartup.main0(command.split(" "), null);
		}
		System.exit(0); // threads of its clients live on
	}
}
