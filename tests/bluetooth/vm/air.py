"""The radio of virtual glasses and the controller of a virtual machine, on one emulated link.

Reads the glasses' services as the first line of its input, opens the socket it is given as the controller's HCI, and
prints "ready". From then on it passes on, as lines of JSON, what the machine does to the glasses and what they send.
"""

import asyncio
import json
import sys

from bumble import hci
from bumble.controller import Controller
from bumble.core import UUID, AdvertisingData, PhysicalTransport
from bumble.device import Device
from bumble.gatt import Characteristic, CharacteristicValue, Service
from bumble.hci import Address, LeFeatureMask
from bumble.host import Host
from bumble.link import LocalLink
from bumble.transport import open_transport


class Link(LocalLink):
    """Data comes from the address that the connection was made with, which need not be the random one."""

    def send_acl_data(self, sender_controller, destination_address, transport, data):
        destination = self.find_le_controller(destination_address)
        connections = sender_controller.le_connections.values()
        source = next((c.self_address for c in connections if c.peer_address == destination_address), None)
        if destination and source:
            loop = asyncio.get_running_loop()
            loop.call_soon(destination.on_link_acl_data, source, PhysicalTransport.LE, data)


def say(**event):
    print(json.dumps(event), flush=True)


class Arm:
    def __init__(self, number, description, link):
        self.number = number
        self.connection = None
        self.away = False
        self.answers = {}
        address = Address(f"F0:0D:0A:20:00:{number + 1:02X}")
        host = Host()
        host.controller = Controller(f"arm{number}", link=link, public_address=address)
        self.device = Device(name=description["name"], address=address, host=host)
        self.characteristics = {}
        for service in description["services"]:
            known = [self.characteristic(c) for c in service["characteristics"]]
            self.device.add_service(Service(UUID(service["uuid"]), known))
        self.device.on("connection", self.connected)
        parts = [(AdvertisingData.FLAGS, bytes([6]))]
        parts.append((AdvertisingData.COMPLETE_LOCAL_NAME, description["name"].encode()))
        used = 5 + len(description["name"])
        for uuid in description["advertised"]:
            # An advertisement has 31 bytes, and scan responses are not carried.
            if used + 18 <= 31:
                used += 18
                parts.append((AdvertisingData.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS, bytes(UUID(uuid))))
        self.data = bytes(AdvertisingData(parts))

    def characteristic(self, known):
        uuid = known["uuid"]
        properties = Characteristic.Properties(0)
        permissions = Characteristic.Permissions(0)
        if known["read"]:
            properties |= Characteristic.Properties.READ
            permissions |= Characteristic.Permissions.READABLE
        if known["write"]:
            properties |= Characteristic.Properties.WRITE | Characteristic.Properties.WRITE_WITHOUT_RESPONSE
            permissions |= Characteristic.Permissions.WRITEABLE
        if known["notify"]:
            properties |= Characteristic.Properties.NOTIFY

        async def read(_connection):
            number = len(self.answers)
            self.answers[number] = asyncio.get_running_loop().create_future()
            say(event="read", peripheral=self.number, characteristic=uuid, id=[self.number, number])
            return await self.answers[number]

        def write(_connection, value):
            say(event="written", peripheral=self.number, characteristic=uuid, value=list(value))

        value = CharacteristicValue(read=read, write=write)
        characteristic = Characteristic(UUID(uuid), properties, permissions, value)

        def subscribed(*arguments):
            say(event="subscribed", peripheral=self.number, characteristic=uuid, on=bool(arguments[-2]))

        characteristic.on("subscription", subscribed)
        self.characteristics[uuid] = characteristic
        return characteristic

    async def start(self):
        await self.device.power_on()
        await self.advertise()

    async def advertise(self):
        await self.device.start_advertising(advertising_data=self.data, auto_restart=False)

    def connected(self, connection):
        self.connection = connection
        say(event="connected", peripheral=self.number, mtu=connection.att_mtu)
        connection.on(
            "connection_att_mtu_update", lambda: say(event="mtu", peripheral=self.number, mtu=connection.att_mtu)
        )
        connection.on("disconnection", self.disconnected)

    def disconnected(self, _reason):
        self.connection = None
        say(event="disconnected", peripheral=self.number)
        asyncio.get_running_loop().create_task(self.back())

    async def back(self):
        # Glasses that were lost stay away for as long as the tests have them away.
        await asyncio.sleep(0.7)
        await self.advertise()

    async def notify(self, uuid, value):
        if self.connection:
            await self.device.notify_subscriber(self.connection, self.characteristics[uuid], bytes(value))

    async def lost(self):
        if self.connection:
            await self.connection.disconnect(hci.HCI_REMOTE_USER_TERMINATED_CONNECTION_ERROR)


async def main():
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=1 << 20)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    descriptions = json.loads(await reader.readline())
    # The controller says it has these features, and does not send the events that belong to them.
    Controller.le_features &= ~(LeFeatureMask.LL_PRIVACY | LeFeatureMask.LE_EXTENDED_ADVERTISING)
    async with await open_transport(f"unix-server:{sys.argv[1]}") as transport:
        link = Link()
        arms = [Arm(number, description, link) for number, description in enumerate(descriptions)]
        Controller(
            "machine",
            host_source=transport.source,
            host_sink=transport.sink,
            link=link,
            public_address="F0:F1:F2:F3:F4:F5",
        )
        for arm in arms:
            await arm.start()
        print("ready", flush=True)
        while line := await reader.readline():
            event = json.loads(line)
            if "notify" in event:
                await arms[event["notify"]].notify(event["characteristic"], event["value"])
            elif "lost" in event:
                await arms[event["lost"]].lost()
            elif "answer" in event:
                number, answer = event["answer"]
                arms[number].answers[answer].set_result(bytes(event["value"]))


asyncio.run(main())
