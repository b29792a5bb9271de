-- Runs on the glasses: shows pages, streams the microphone, tells of taps and the battery.
-- AUDIO is a table for frame.microphone.start, PACKET the bytes of an audio packet, LINE pixels a line takes.
local queue, page, want, mic, seq, buf = {}, nil, 0, false, 0, ''
local function send(s)
 while not pcall(frame.bluetooth.send, s) do frame.sleep(0.002) end
end
frame.bluetooth.receive_callback(function(d) queue[#queue + 1] = d end)
local function show(s)
 if frame.display.clear then frame.display.clear() end
 local y, any = 1, false
 for line in (s .. '\n'):gmatch('(.-)\n') do
  if #line > 0 then frame.display.text(line, 1, y) any = true end
  y = y + LINE
 end
 if not any then frame.display.text(' ', 1, 1) end
 frame.display.show()
end
local function take(d)
 local c = d:byte(1)
 if c == 0x0A then
  if want > 0 then page, want = page .. d:sub(2), want - #d + 1
  else want = d:byte(2) * 256 + d:byte(3) - #d + 3 page = d:sub(4) end
  if want <= 0 then
   show(page:sub(2)) send('\x42' .. page:sub(1, 1)) page, want = nil, 0
  end
 elseif c == 0x30 then
  mic, seq, buf = d:byte(4) == 1, 0, ''
  if mic then frame.microphone.start(AUDIO) else frame.microphone.stop() end
  send('\x43' .. d:sub(4, 4))
 elseif c == 0x40 then
  send('\x41' .. string.char(math.floor(frame.battery_level())))
 end
end
local function tap() queue[#queue + 1] = 'T' end
if frame.button then frame.button.single(tap) else frame.imu.tap_callback(tap) end
send('\x44\x01')
while true do
 while #queue > 0 do
  local d = table.remove(queue, 1)
  if d == 'T' then send('\x09') else take(d) end
 end
 if mic then
  for _ = 1, 20 do
   local a = frame.microphone.read(PACKET)
   if a == nil or a == '' then break end
   buf = buf .. a
   while #buf >= PACKET do
    send('\x05' .. string.char(seq) .. buf:sub(1, PACKET))
    buf, seq = buf:sub(PACKET + 1), (seq + 1) % 256
   end
  end
 end
 frame.sleep(0.005)
end
